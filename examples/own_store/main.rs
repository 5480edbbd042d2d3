//! An axum application that keeps the sessions of Anteroom in its own store.
//!
//! `cargo run --example own_store`, then open <http://localhost:3000>. `store` has the store and its
//! test.

mod store;

use std::error::Error;
use std::sync::Arc;

use anteroom::{Anteroom, serve};
use axum::Router;
use tokio::net::TcpListener;

use store::OwnStore;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let anteroom = Anteroom::builder("http://localhost:3000")
        .database("sqlite:own_store.db")
        .session_store(Arc::new(OwnStore::default()))
        .start()
        .await?;

    println!("http://localhost:3000");
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    let interrupted = async { drop(tokio::signal::ctrl_c().await) };
    serve(listener, anteroom.mount(Router::new()), interrupted).await;
    anteroom.stop().await;
    Ok(())
}
