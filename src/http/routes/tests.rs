use std::collections::BTreeSet;

use super::{ROUTES, RouteKind, form_page, is_for_programs, is_under, may_be_next};

/// The text of the router, and of each call of `.route(` in it: the path and the handlers.
fn router() -> Vec<(&'static str, &'static str)> {
    let calls = include_str!("../router.rs").split(".route(").skip(1);
    let parts = calls.map(|call| call.split_once('"').unwrap().1.split_once('"').unwrap());
    parts.collect()
}

#[test]
fn the_table_has_every_route_of_the_router() {
    let listed: Vec<&str> = ROUTES.iter().map(|route| route.path).collect();
    let routed: BTreeSet<&str> = router().into_iter().map(|(path, _)| path).collect();
    let unique: BTreeSet<&str> = listed.iter().copied().collect();

    assert_eq!(unique, routed);
    assert_eq!(unique.len(), listed.len());
}

#[test]
fn errors_of_the_api_are_problem_documents_and_of_pages_are_pages() {
    for route in ROUTES {
        let expected = matches!(route.kind, RouteKind::Api | RouteKind::Check | RouteKind::Probe);
        assert_eq!(is_for_programs(route.path), expected, "{}", route.path);
    }
    for (path, expected) in
        [("/api", true), ("/api/none", true), ("/auth/none", true), ("/apis", false), ("/x", false)]
    {
        assert_eq!(is_for_programs(path), expected, "{path}");
    }
}

#[test]
fn a_redirect_leads_to_no_path_below_a_refused_one() {
    for path in ["/login", "/login/x", "/api", "/api/x", "/auth/verify", "/openapi.json", "/readyz"]
    {
        assert!(!may_be_next(path), "{path}");
    }
    for path in ["/", "/account", "/account/sessions", "/loginx", "/shop", "/admin/users/0197"] {
        assert!(may_be_next(path), "{path}");
    }
}

#[test]
fn every_path_that_only_takes_a_form_names_its_page() {
    for (path, handlers) in router() {
        let takes_form_only =
            handlers.split(".route(").next().unwrap().contains("get(redirect_to_form)");
        let route = ROUTES.iter().find(|route| route.path == path).unwrap();
        assert_eq!(takes_form_only, route.form_on != route.path, "{path}");
        assert!(route.form_on == "/" || is_under(route.form_on, path), "{path}");
    }
}

#[test]
fn every_form_is_on_a_page() {
    for (form, page) in [
        ("/account/password", "/account"),
        ("/account/profile", "/account/profile"),
        ("/account/sessions/revoke-others", "/account/sessions"),
        ("/account/sessions/revoke-all", "/account/sessions"),
        ("/account/sessions/0197/revoke", "/account/sessions"),
        ("/preferences", "/"),
        ("/admin/users", "/admin/users"),
        ("/admin/users/0197", "/admin/users/0197"),
        ("/admin/users/0197/delete", "/admin/users/0197"),
        ("/admin/users/0197/invitation", "/admin/users/0197"),
        ("/admin/users/0197/revoke-sessions", "/admin/users/0197"),
        ("/admin/sessions/0197/revoke", "/admin/sessions/0197"),
        ("/cart/checkout", "/cart/checkout"),
    ] {
        assert_eq!(form_page(form), page);
    }
}
