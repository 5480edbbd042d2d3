use crate::http::web::theme::Theme;

#[test]
fn only_light_and_dark_outweigh_the_device() {
    assert_eq!(Theme::of(Some("light")), Theme::Light);
    assert_eq!(Theme::of(Some("dark")), Theme::Dark);
    for cookie in [None, Some("system"), Some(""), Some("Dark"), Some("dark "), Some("\"><b>")] {
        assert_eq!(Theme::of(cookie), Theme::System, "{cookie:?}");
    }
}
