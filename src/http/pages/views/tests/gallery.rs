use super::samples;
use crate::http::language::Language;
#[test]
fn gallery() {
    std::fs::create_dir_all("/tmp/pages").unwrap();
    let css = include_bytes!("../../../assets/style.css");
    std::fs::write("/tmp/pages/style.css", css).unwrap();
    for l in Language::ALL {
        for (name, html) in samples::all(l) {
            let html = html.replace(crate::http::assets::path_of_style(), "style.css");
            for th in ["light", "dark"] {
                let h = html.replace("<html ", &format!("<html data-theme=\"{th}\" "));
                std::fs::write(format!("/tmp/pages/{name}.{}.{th}.html", l.tag()), h).unwrap();
            }
        }
    }
}
