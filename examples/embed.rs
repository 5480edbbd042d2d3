//! An axum application of its own with Anteroom inside: a page for everybody with a cart, a page
//! for members, and sign-in, sign-up and the rest from the library.
//!
//! `cargo run --example embed`, then open <http://localhost:3000>.

use anteroom::http::{CurrentUserOrLogin, Problem};
use anteroom::server::serve;
use anteroom::{Anteroom, Options};
use axum::Router;
use axum::response::{Html, Redirect};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tower_sessions::Session;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let anteroom = Anteroom::start(Options::new("embed.db", "http://localhost:3000")).await?;

    let shop = Router::new()
        .route("/shop", get(shop))
        .route("/shop/add", post(add))
        .route("/members", get(members))
        .layer(anteroom.session_layer());
    let app = shop.merge(anteroom.router());

    println!("http://localhost:3000/shop");
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    let interrupted = async { drop(tokio::signal::ctrl_c().await) };
    serve(listener, app, interrupted).await;
    anteroom.stop().await;
    Ok(())
}

/// What a visitor's cart holds. It is kept on the server and survives signing in.
async fn shop(session: Session) -> Result<Html<String>, Problem> {
    let apples: u32 = session.get("apples").await.map_err(Problem::from_data)?.unwrap_or(0);
    Ok(Html(format!(
        "<p>Apples in your cart: {apples}</p>\
         <form method=post action=/shop/add><button>One more</button></form>\
         <p><a href=/members>For members</a></p>"
    )))
}

/// Puts an apple into the cart. The first one starts an anonymous session.
async fn add(session: Session) -> Result<Redirect, Problem> {
    let apples: u32 = session.get("apples").await.map_err(Problem::from_data)?.unwrap_or(0);
    session.insert("apples", apples + 1).await.map_err(Problem::from_data)?;
    Ok(Redirect::to("/shop"))
}

/// Reached by nobody who is not signed in: others are sent to the sign-in page and come back.
async fn members(CurrentUserOrLogin(member): CurrentUserOrLogin) -> Html<String> {
    // Of the characters that mean something in a text of HTML, an address can hold only this one.
    let email = member.user.email.as_str().replace('&', "&amp;");
    Html(format!("<p>Welcome, {email}. <a href=/account/sessions>Your sessions</a></p>"))
}
