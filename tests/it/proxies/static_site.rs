//! A static site behind nginx, in the shipped file as the guide changes it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use reqwest::{Method, RequestBuilder};
use tempfile::TempDir;

use super::{PASSWORD, shared_place, shipped};
use crate::harness::balancer::Balancer;
use crate::harness::ground::Keeping;
use crate::harness::nodes::Nodes;

/// The shipped file with a folder instead of the application, by the lines of the guide.
fn with_site(folder: &Path) -> String {
    let guide = shipped("../docs/protect/nginx.md");
    let lines = guide.split("```nginx\n").find(|block| block.starts_with("root ")).unwrap();
    let (lines, _) = lines.split_once("```").unwrap();
    let lines = lines.replace("/var/www/site", &folder.display().to_string());
    let file = shipped("forward-auth/nginx.conf").replace("app.example.org", "localhost");
    let (before, rest) = file.split_once("proxy_pass http://application;").unwrap();
    let (_, after) = rest.split_once("\n        }\n").unwrap();
    format!("{before}{lines}        }}\n{after}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_static_site_is_served_and_a_folder_without_an_index_is_refused_once() {
    let folder = TempDir::new().unwrap();
    // The workers of nginx may run as another user.
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    fs::write(folder.path().join("index.html"), "for members").unwrap();
    fs::write(folder.path().join("style.css"), "h1 {}").unwrap();
    fs::create_dir(folder.path().join("pictures")).unwrap();
    let mut nodes = Nodes::apart(1, || {
        let place = shared_place(Keeping::Postgres);
        place
            .with("ANTEROOM_PUBLIC_URL", "https://localhost")
            .with("ANTEROOM_FORWARD_AUTH", "nginx")
    });
    let node = nodes.node(0).address;
    let Some(nginx) = Balancer::nginx(&with_site(folder.path()), node, node) else { return };
    let (ada, stranger) = (nginx.browser(10), nginx.browser(11));
    assert_eq!(ada.sign_up("ada@example.org", PASSWORD).await.status, 201);
    let navigate = |request: RequestBuilder| request.header("Sec-Fetch-Mode", "navigate");

    for (path, status) in [("/", 200), ("/pictures/", 403), ("/missing", 404)] {
        let answer = ada.ask(Method::GET, path, navigate).await;
        assert_eq!((answer.status, answer.header("Refresh")), (status, ""), "{path}");
        let answer = stranger.ask(Method::GET, path, navigate).await;
        let login = format!("https://localhost/login?next={path}");
        assert_eq!((answer.status, answer.location()), (302, login.as_str()), "{path}");
    }
    // A browser ignores a style sheet that is not called one.
    assert_eq!(ada.get("/style.css").await.header("Content-Type"), "text/css");
}
