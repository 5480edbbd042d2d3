//! The rules in force, which can be replaced while the server runs.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::{fs, io};

use super::{InvalidRules, KnownHost, Rules};

/// The rules in force. Cheap to clone; clones share them.
#[derive(Clone, Debug)]
pub struct LiveRules(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    current: RwLock<Arc<Rules>>,
    file: Option<RulesFile>,
}

/// A file of rules, and the hosts that it may name.
#[derive(Clone, Debug)]
pub struct RulesFile {
    /// Its path.
    pub path: PathBuf,
    /// The hosts of the applications.
    pub hosts: Vec<KnownHost>,
}

/// Why a file of rules was refused.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// The file cannot be read.
    #[error("cannot read it: {0}")]
    Unreadable(#[from] io::Error),
    /// It has mistakes.
    #[error(transparent)]
    Invalid(#[from] InvalidRules),
}

impl RulesFile {
    fn read(&self) -> Result<Rules, RulesError> {
        Ok(Rules::parse(&fs::read_to_string(&self.path)?, &self.hosts)?)
    }
}

impl Default for LiveRules {
    /// Without a file: every URL needs a signed-in user.
    fn default() -> Self {
        Self(Arc::new(Shared { current: RwLock::new(Arc::new(Rules::signed_in())), file: None }))
    }
}

impl LiveRules {
    /// The rules of a file.
    ///
    /// # Errors
    /// If it cannot be read, or has mistakes.
    pub fn from_file(file: RulesFile) -> Result<Self, RulesError> {
        let current = RwLock::new(Arc::new(file.read()?));
        Ok(Self(Arc::new(Shared { current, file: Some(file) })))
    }

    /// Reads the file again. How many rules there are. Without a file nothing happens.
    ///
    /// # Errors
    /// If it cannot be read, or has mistakes; the earlier rules stay in force.
    pub fn reload(&self) -> Result<usize, RulesError> {
        let Some(file) = &self.0.file else { return Ok(0) };
        let rules = Arc::new(file.read()?);
        let count = rules.count();
        *self.0.current.write().unwrap_or_else(PoisonError::into_inner) = rules;
        Ok(count)
    }

    /// The rules in force now.
    #[must_use]
    pub fn current(&self) -> Arc<Rules> {
        Arc::clone(&self.0.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The file of the rules, if there is one.
    #[must_use]
    pub fn file(&self) -> Option<&RulesFile> {
        self.0.file.as_ref()
    }
}
