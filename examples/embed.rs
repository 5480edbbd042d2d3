//! An axum application that embeds Anteroom: a shop with a cart for every visitor, a page for
//! members, and sign-in, sign-up and administration from the library.
//!
//! `cargo run --example embed`, then open <http://localhost:3000/shop>.

use anteroom::tower_sessions::Session;
use anteroom::{Anteroom, CurrentUserOrLogin, Problem, serve};
use axum::Router;
use axum::response::{Html, Redirect};
use axum::routing::{get, post};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let anteroom =
        Anteroom::builder("http://localhost:3000").database("sqlite:embed.db").start().await?;
    let app = anteroom.mount(
        Router::new()
            .route("/shop", get(shop))
            .route("/shop/add", post(add))
            .route("/members", get(members)),
    );

    println!("http://localhost:3000/shop");
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    let interrupted = async { drop(tokio::signal::ctrl_c().await) };
    serve(listener, app, interrupted).await;
    anteroom.stop().await;
    Ok(())
}

/// Shows the cart. It is stored on the server and survives signing in.
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

/// Only for signed-in users. Others are redirected to the sign-in page, which returns here.
async fn members(CurrentUserOrLogin(member): CurrentUserOrLogin) -> Html<String> {
    // `&` is the only special character of HTML that an email address can contain.
    let email = member.user.email.as_str().replace('&', "&amp;");
    Html(format!("<p>Welcome, {email}. <a href=/account/sessions>Your sessions</a></p>"))
}
