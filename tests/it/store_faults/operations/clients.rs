//! The routes of clients.

use futures_util::future::BoxFuture;
use serde_json::json;

use super::{Mark, Operation, Scene, admin, operation};

fn path(scene: &Scene) -> String {
    format!("/api/admin/clients/{}", scene.spare_client)
}

fn page(scene: &Scene) -> String {
    format!("/admin/clients/{}", scene.spare_client)
}

/// Whether a client is called as the unused address.
fn is_registered(scene: &Scene) -> BoxFuture<'_, bool> {
    Box::pin(async {
        let mut cursor = String::new();
        loop {
            let page = scene.admin.get(&format!("/api/admin/clients?limit=200{cursor}")).await;
            let page = page.json();
            if page["clients"].as_array().unwrap().iter().any(|one| one["name"] == scene.new_email)
            {
                return true;
            }
            let Some(next) = page["next_cursor"].as_str() else { return false };
            cursor = format!("&cursor={next}");
        }
    })
}

fn is_removed(scene: &Scene) -> BoxFuture<'_, bool> {
    Box::pin(async { scene.admin.get(&path(scene)).await.status == 404 })
}

pub(super) fn operations() -> Vec<Operation> {
    let mut operations = vec![
        operation("GET /api/admin/clients", 200, admin, |b, _| {
            Box::pin(b.get("/api/admin/clients"))
        }),
        operation("POST /api/admin/clients", 201, admin, |b, s| {
            Box::pin(b.post("/api/admin/clients", json!({ "name": s.new_email })))
        })
        .done(is_registered),
        operation("GET /admin/clients", 200, admin, |b, _| Box::pin(b.get("/admin/clients"))),
        operation("POST /admin/clients", 201, admin, |b, s| {
            Box::pin(async move { b.post_form("/admin/clients", &[("name", &*s.new_email)]).await })
        })
        .done(is_registered),
    ];
    let of_one = [
        operation("GET /api/admin/clients/{id}", 200, admin, |b, s| {
            Box::pin(async move { b.get(&path(s)).await })
        }),
        operation("DELETE /api/admin/clients/{id}", 204, admin, |b, s| {
            Box::pin(async move { b.delete(&path(s)).await })
        })
        .done(is_removed),
        operation("POST /api/admin/clients/{id}/secret", 200, admin, |b, s| {
            let path = format!("{}/secret", path(s));
            Box::pin(async move { b.post(&path, json!({})).await })
        }),
        operation("GET /admin/clients/{id}", 200, admin, |b, s| {
            Box::pin(async move { b.get(&page(s)).await })
        }),
        operation("POST /admin/clients/{id}/secret", 200, admin, |b, s| {
            let path = format!("{}/secret", page(s));
            Box::pin(async move { b.post_form(&path, &[]).await })
        }),
        operation("POST /admin/clients/{id}/remove", 303, admin, |b, s| {
            let path = format!("{}/remove", page(s));
            Box::pin(async move { b.post_form(&path, &[("sure", "true")]).await })
        })
        .to("/admin/clients?done=removed")
        .done(is_removed),
    ];
    operations.extend(of_one.map(|operation| operation.mark(&[Mark::NeedsSpareClient])));
    operations
}
