//! The migrations of both engines.

use std::sync::LazyLock;

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// Every file of the folder `migrations`. The macro of sqlx, which would find them by itself, compiles
/// `SQLite` a second time.
pub(super) static MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| {
    Migrator::with_migrations(
        FILES.iter().filter_map(|(name, text)| migration(name, text)).collect(),
    )
});

fn migration(name: &str, text: &'static str) -> Option<Migration> {
    let (version, description) = name.split_once('_')?;
    let description = description.replace('_', " ").into();
    let text = text.into_sql_str();
    Some(Migration::new(version.parse().ok()?, description, MigrationType::Simple, text, false))
}

/// The name of each without its ending, and its text.
macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../../../migrations/", $name, ".sql")))),+]
    };
}

const FILES: &[(&str, &str)] = files![
    "20261121090000_create_accounts",
    "20261121090100_create_sessions",
    "20261121090200_create_session_orders",
    "20261121090300_create_facts",
    "20261121090400_create_throttle",
    "20261121090500_create_audit_events",
    "20261121090600_create_session_outbox",
    "20261122100000_create_invitations",
    "20261122100100_index_audit_events",
    "20261122110000_create_revocation_feed",
    "20261122115000_index_audit_addresses",
    "20261122120000_create_webhook_deliveries",
    "20261128100000_add_last_clients",
    "20261129100000_add_groups",
    "20261129120000_create_child_sessions",
    "20261129231000_create_mail",
    "20261129232000_add_second_factor_to_sessions",
    "20261129232100_create_second_factors",
    "20261130100000_create_passkeys",
    "20261130110000_index_mail_links",
    "20261130120000_mark_sign_ups",
    "20261130130000_bind_totp_setups",
    "20261130140000_create_tokens",
    "20261130200000_sign_in_to_clients",
];

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_of_the_folder_is_a_migration() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
        let mut files: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let listed: Vec<_> = FILES.iter().map(|(name, _)| format!("{name}.sql")).collect();
        assert_eq!(listed, files);
        assert_eq!(MIGRATIONS.iter().count(), files.len());
    }

    /// Databases have these numbers: another text or another description would not be recognized.
    #[test]
    fn a_migration_is_recorded_by_its_text_and_the_words_of_its_name() {
        let first = MIGRATIONS.iter().next().unwrap();
        assert_eq!(first.version, 20_261_121_090_000);
        assert_eq!(&*first.description, "create accounts");
        assert!(first.sql.as_str().contains("CREATE TABLE"));
        assert_eq!(first.checksum.len(), 48);
    }
}
