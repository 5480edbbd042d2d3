//! The groups of an account, which applications read as rights.

use std::fmt;

use super::Role;

/// The name of a group: 1 to 64 of `a` to `z`, digits, `_` and `-`, and not the name of a role.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group(Box<str>);

/// The groups of an account: at most 64, sorted, each once.
///
/// They are one text with commas, as stores keep and proxies receive them. Without a group nothing
/// is allocated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups(Box<str>);

/// Why groups were refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidGroups {
    /// A name with other characters, without any, or with too many.
    #[error("name a group with 1 to 64 of the characters a to z, 0 to 9, `_` and `-`")]
    Name,
    /// The name of a role.
    #[error("`user` and `admin` are roles: give the group another name")]
    Role,
    /// More than 64 groups.
    #[error("use at most 64 groups for one account")]
    TooMany,
}

impl InvalidGroups {
    /// A stable word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Name => "invalid_name",
            Self::Role => "reserved_name",
            Self::TooMany => "too_many",
        }
    }
}

impl Group {
    /// The longest name, in characters.
    pub const LONGEST: usize = 64;

    /// Parses a name.
    ///
    /// # Errors
    /// [`InvalidGroups`] says what to write instead.
    pub fn parse(name: &str) -> Result<Self, InvalidGroups> {
        let fits = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
        if !(1..=Self::LONGEST).contains(&name.len()) || !name.bytes().all(fits) {
            Err(InvalidGroups::Name)
        } else if Role::parse(name).is_some() {
            Err(InvalidGroups::Role)
        } else {
            Ok(Self(name.into()))
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Groups {
    /// The most groups of one account.
    pub const MOST: usize = 64;

    /// Parses names in any order, also repeated ones.
    ///
    /// # Errors
    /// [`InvalidGroups`] says what to write instead.
    pub fn parse<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<Self, InvalidGroups> {
        let names: Result<Vec<Group>, _> = names.into_iter().map(Group::parse).collect();
        Self::of(names?)
    }

    /// Reads what [`Groups::as_str`] returns.
    ///
    /// # Errors
    /// [`InvalidGroups`] for any text that is not of that form.
    pub fn from_stored(text: &str) -> Result<Self, InvalidGroups> {
        Self::parse(text.split_terminator(','))
    }

    fn of(mut groups: Vec<Group>) -> Result<Self, InvalidGroups> {
        groups.sort_unstable();
        groups.dedup();
        if groups.len() > Self::MOST {
            return Err(InvalidGroups::TooMany);
        }
        let names: Vec<&str> = groups.iter().map(Group::as_str).collect();
        Ok(Self(names.join(",").into()))
    }

    /// The names, sorted, with commas between them.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The names, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split_terminator(',')
    }

    /// Whether a group of this name is among them.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.iter().any(|group| group == name)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names that these have and the others do not.
    pub(crate) fn without<'g>(&'g self, others: &'g Self) -> impl Iterator<Item = &'g str> {
        self.iter().filter(|name| !others.contains(name))
    }
}

impl fmt::Display for Groups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A change of the groups of an account. The store applies it to the groups that the account has at
/// that moment, so that of two additions at once neither is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupsChange {
    /// These and no others.
    Replace(Groups),
    /// This one as well.
    Add(Group),
    /// This one no more.
    Remove(Group),
}

impl GroupsChange {
    /// The groups after the change.
    ///
    /// # Errors
    /// [`InvalidGroups::TooMany`].
    pub fn applied_to(&self, groups: &Groups) -> Result<Groups, InvalidGroups> {
        match self {
            Self::Replace(others) => Ok(others.clone()),
            Self::Add(group) => Groups::parse(groups.iter().chain([group.as_str()])),
            Self::Remove(group) => {
                Groups::parse(groups.iter().filter(|name| *name != group.as_str()))
            }
        }
    }
}

#[cfg(test)]
mod tests;
