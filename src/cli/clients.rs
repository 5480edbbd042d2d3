//! `anteroom client …` and `anteroom keys …`: the clients of access tokens, and the keys that sign them.

use serde::Serialize;

use super::Failure;
use super::administration::Administration;
use super::arguments::{ClientCommand, KeysCommand};
use super::tables::{print, print_json, table};
use crate::audit::By;
use crate::clock::Timestamp;
use crate::config::Config;
use crate::tokens::{
    Audience, ClientSecret, KeyState, NewClient, OAuthClient, RedirectUri, Scope, SigningKey,
};
use crate::use_cases::{Authorized, ClientChangeError, Clients, RegisteredClient};

pub(super) async fn run(command: ClientCommand, config: &Config) -> Result<(), Failure> {
    let administration = Administration::open_existing(config).await?;
    administration
        .finish(async |opened| {
            let (clients, by) = (&opened.clients, by_operator());
            match command {
                ClientCommand::Add { name, audience, scopes, alg, sign_in, json } => {
                    let new = NewClient {
                        name,
                        audiences: audience,
                        scopes,
                        algorithm: alg,
                        redirect_uris: sign_in.redirect_uri,
                        is_public: sign_in.public,
                        is_trusted: sign_in.trusted,
                        allowed_groups: sign_in.allow_group,
                    };
                    let added = clients.add(new, &by).await?;
                    show_secret(opened, "added the client", &added, json)
                }
                ClientCommand::List { json } => list(&clients.list().await?, json),
                ClientCommand::Show { client, json } => show(&find(clients, &client).await?, json),
                ClientCommand::RotateSecret { client, drop_old, json } => {
                    let found = find(clients, &client).await?;
                    let rotated = clients.rotate_secret(found, drop_old, &by).await?;
                    show_secret(opened, "made another secret of the client", &rotated, json)
                }
                ClientCommand::Remove { client } => {
                    let found = find(clients, &client).await?;
                    let name = found.name.clone();
                    clients.remove(found, &by).await?;
                    opened.report(&format!("removed the client {name}"))
                }
            }
        })
        .await
}

pub(super) async fn run_keys(command: KeysCommand, config: &Config) -> Result<(), Failure> {
    let administration = Administration::open_existing(config).await?;
    administration
        .finish(async |opened| match command {
            KeysCommand::List { json } => {
                opened.clients.with_keys(|keys| list_keys(keys, json)).await?
            }
            KeysCommand::Delete => {
                opened.clients.delete_keys(&by_operator()).await?;
                opened.report(
                    "deleted every signing key: all tokens are refused, and servers make new keys within \
                     half a minute",
                )
            }
            KeysCommand::Rotate { now } => {
                let rotated = opened.clients.rotate_keys(now, &by_operator()).await?;
                let names: Vec<&str> = rotated.iter().map(|algorithm| algorithm.as_str()).collect();
                opened.report(&format!("rotated the signing keys of {}", names.join(" and ")))
            }
        })
        .await
}

fn by_operator() -> Authorized {
    Authorized::by_operator(By::command_line())
}

/// The client of this id or name.
async fn find(clients: &Clients, client: &str) -> Result<OAuthClient, Failure> {
    clients.find(client).await.map_err(|error| match error {
        ClientChangeError::NotFound => {
            format!("no client has the id or name `{client}`: see `anteroom client list`").into()
        }
        error @ ClientChangeError::HasNoSecret => error.to_string().into(),
        ClientChangeError::Store(error) => error.into(),
    })
}

/// A client, as JSON.
#[derive(Serialize)]
struct ClientRow<'c> {
    client_id: String,
    name: &'c str,
    algorithm: &'static str,
    audiences: Vec<&'c str>,
    scopes: Vec<&'c str>,
    redirect_uris: Vec<&'c str>,
    public: bool,
    trusted: bool,
    allowed_groups: Vec<&'c str>,
    secrets: usize,
    created_at: Timestamp,
}

/// A client with its secret, as JSON.
#[derive(Serialize)]
struct SecretRow<'c> {
    #[serde(flatten)]
    client: ClientRow<'c>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<&'c str>,
}

impl<'c> From<&'c OAuthClient> for ClientRow<'c> {
    fn from(client: &'c OAuthClient) -> Self {
        Self {
            client_id: client.id.to_string(),
            name: &client.name,
            algorithm: client.algorithm.as_str(),
            audiences: client.audiences.iter().map(Audience::as_str).collect(),
            scopes: client.scopes.iter().map(Scope::as_str).collect(),
            redirect_uris: client.redirect_uris.iter().map(RedirectUri::as_str).collect(),
            public: client.is_public,
            trusted: client.is_trusted,
            allowed_groups: client.allowed_groups.iter().collect(),
            secrets: client.secrets.len(),
            created_at: Timestamp::of(client.created_at),
        }
    }
}

/// The secret has a separate line, so that it can be copied.
fn show_secret(
    opened: &Administration,
    done: &str,
    RegisteredClient { client, secret }: &RegisteredClient,
    json: bool,
) -> Result<(), Failure> {
    let client_secret = secret.as_ref().map(ClientSecret::reveal);
    if json {
        return print_json(&SecretRow { client: client.into(), client_secret });
    }
    let secret = client_secret.map_or_else(
        || "It is public and has no secret.".to_owned(),
        |secret| format!("client_secret: {secret}\nThe secret is not shown again."),
    );
    opened.report(&format!("{done} {}\nclient_id: {}\n{secret}", client.name, client.id))
}

fn list(clients: &[OAuthClient], json: bool) -> Result<(), Failure> {
    let rows: Vec<ClientRow<'_>> = clients.iter().map(ClientRow::from).collect();
    if json {
        return print_json(&rows);
    }
    let cells: Vec<[String; 5]> = rows
        .iter()
        .map(|row| {
            let audiences = row.audiences.join(" ");
            let name = row.name.to_owned();
            [row.client_id.clone(), name, row.algorithm.to_owned(), audiences, row.scopes.join(" ")]
        })
        .collect();
    Ok(print(&table(["CLIENT_ID", "NAME", "ALGORITHM", "AUDIENCES", "SCOPES"], &cells))?)
}

fn show(client: &OAuthClient, json: bool) -> Result<(), Failure> {
    let row = ClientRow::from(client);
    if json {
        return print_json(&row);
    }
    let audiences = if row.audiences.is_empty() {
        "the public URL".to_owned()
    } else {
        row.audiences.join(" ")
    };
    Ok(print(&format!(
        "client_id: {}\nname: {}\nalgorithm: {}\naudiences: {audiences}\nscopes: {}\n\
         redirect_uris: {}\npublic: {}\ntrusted: {}\nallowed_groups: {}\nsecrets: {}",
        row.client_id,
        row.name,
        row.algorithm,
        row.scopes.join(" "),
        row.redirect_uris.join(" "),
        row.public,
        row.trusted,
        row.allowed_groups.join(" "),
        row.secrets,
    ))?)
}

/// A key, as JSON.
#[derive(Serialize)]
struct KeyRow {
    kid: String,
    algorithm: &'static str,
    state: &'static str,
    announced_at: Timestamp,
    signs_from: Option<Timestamp>,
    retired_at: Option<Timestamp>,
}

fn list_keys(keys: &[SigningKey], json: bool) -> Result<(), Failure> {
    if keys.is_empty() && !json {
        return Ok(print("no keys yet: the first client creates them, see `anteroom client add`")?);
    }
    let rows = keys.iter().map(|key| KeyRow {
        kid: key.id.to_string(),
        algorithm: key.algorithm.as_str(),
        state: key.state().as_str(),
        announced_at: Timestamp::of(key.announced_at),
        signs_from: key.signs_from.map(Timestamp::of),
        retired_at: key.retired_at.map(Timestamp::of),
    });
    if json {
        return print_json(&rows.collect::<Vec<_>>());
    }
    let since = |key: &SigningKey| match key.state() {
        KeyState::Next => Timestamp::of(key.announced_at),
        KeyState::Signing => Timestamp::of(key.signs_from.unwrap_or(key.announced_at)),
        KeyState::Retired => Timestamp::of(key.retired_at.unwrap_or(key.announced_at)),
    };
    let cells: Vec<[String; 4]> = keys
        .iter()
        .zip(rows)
        .map(|(key, row)| {
            let algorithm = row.algorithm.to_owned();
            [row.kid, algorithm, row.state.to_owned(), since(key).as_str().to_owned()]
        })
        .collect();
    Ok(print(&table(["KID", "ALGORITHM", "STATE", "SINCE"], &cells))?)
}
