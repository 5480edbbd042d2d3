//! Reads the text of a hash: ours, and those of other systems. The costs that it names are bounded,
//! so that no stored hash takes the memory or the time of the machine.

use std::ops::RangeInclusive;

use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::{Algorithm, Params, Version};
use base64::Engine as _;
use base64::alphabet::{Alphabet, BCRYPT, STANDARD};
use base64::engine::general_purpose::{NO_PAD, STANDARD as PADDED, STANDARD_NO_PAD};
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};

use super::scheme::{Digest, Scheme};
use super::stored::Stored;

/// Why a password hash of another system cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefusedHash {
    /// None of the known kinds.
    #[error(
        "use bcrypt ($2a$, $2b$, $2y$), Argon2 ($argon2id$ …), scrypt ($scrypt$ …), PBKDF2 \
         ($pbkdf2-sha256$ …), SHA-512-crypt ($6$), a hash of Django or Werkzeug, or nothing for an \
         account without a password"
    )]
    Unknown,
    /// Two kinds of scrypt look like this.
    #[error(
        "a salt and a hash between colons do not say how costly scrypt was: write \
         scrypt:16384:8:1$salt$hash for the default of Node, or scrypt:16384:16:1$salt$hash for \
         better-auth and Lucia"
    )]
    CostUnknown,
    /// `$2x$`.
    #[error("$2x$ marks hashes of a faulty bcrypt, which take more than one password: import none")]
    Faulty,
    /// Of a known kind, but not as that kind is written.
    #[error("this is no complete hash of its kind: copy all of it, with every dollar sign")]
    Malformed,
    /// Too costly or too cheap for its kind.
    #[error(
        "its cost is out of bounds: bcrypt takes 4 to 15, PBKDF2 up to 2000000 rounds, scrypt up \
         to 256 MiB, p up to 16 and 1 GiB for both together, Argon2 up to 1 GiB, 16 passes and \
         4 GiB for both together, SHA-512-crypt 1000 to 2000000 rounds"
    )]
    Cost,
    /// The hash proper has too few bytes, or too many.
    #[error("the hash proper has to have 16 to 64 bytes, and its salt 1 to 128")]
    Length,
}

/// The longest text that is read.
const LONGEST: usize = 512;
const BCRYPT_COSTS: RangeInclusive<u32> = 4..=15;
const PBKDF2_ROUNDS: RangeInclusive<u32> = 1..=2_000_000;
const SHA512_ROUNDS: RangeInclusive<u32> = 1_000..=2_000_000;
const ARGON2_MOST: (u32, u32, u32) = (1024 * 1024, 16, 255);
/// Kibibytes times passes, which are the time: four times 1 GiB, as the costliest preset of libsodium.
const ARGON2_WORK: u64 = 4 * 1024 * 1024;
/// 128 bytes times N times r.
const SCRYPT_BYTES: u64 = 256 * 1024 * 1024;
/// Those times p, which are the time.
const SCRYPT_WORK: u64 = 1024 * 1024 * 1024;
const SCRYPT_P: RangeInclusive<u32> = 1..=16;
/// More would fill more memory besides.
const SCRYPT_R: RangeInclusive<u32> = 1..=1024;
const TAGS: RangeInclusive<usize> = 16..=64;
const SALTS: RangeInclusive<usize> = 1..=128;

/// Some programs leave chance in the last bits of a salt.
const LENIENT: GeneralPurposeConfig = NO_PAD.with_decode_allow_trailing_bits(true);
const BCRYPT_BASE64: GeneralPurpose = GeneralPurpose::new(&BCRYPT, LENIENT);
/// The base 64 of passlib.
const DOTTED_BASE64: GeneralPurpose = GeneralPurpose::new(&DOTTED, NO_PAD);
const DOTTED: Alphabet = {
    let signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789./";
    match Alphabet::new(signs) {
        Ok(alphabet) => alphabet,
        Err(_) => STANDARD,
    }
};
/// The digits of SHA-512-crypt, the least first.
const CRYPT_DIGITS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

impl Stored {
    /// Reads the text of a hash.
    pub(super) fn read(text: &str) -> Result<Self, RefusedHash> {
        if text.len() > LONGEST || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(RefusedHash::Unknown);
        }
        let stored = match text.split_once(['$', ':']) {
            Some(("", rest)) if text.starts_with('$') => crypt(text, rest),
            Some(("argon2", _)) => argon2(&text["argon2".len()..]),
            Some(("bcrypt", rest)) => bcrypt(rest, false),
            Some(("bcrypt_sha256", rest)) => bcrypt(rest, true),
            Some(("pbkdf2_sha1", rest)) => django_pbkdf2(rest, Digest::Sha1),
            Some(("pbkdf2_sha256", rest)) => django_pbkdf2(rest, Digest::Sha256),
            Some(("pbkdf2", rest)) => werkzeug_pbkdf2(rest),
            Some(("scrypt", rest)) if text.starts_with("scrypt:") => werkzeug_scrypt(rest),
            Some(("scrypt", rest)) => django_scrypt(rest),
            Some((salt, hash)) if is_hexadecimal(salt) && is_hexadecimal(hash) => {
                Err(RefusedHash::CostUnknown)
            }
            _ => Err(RefusedHash::Unknown),
        }?;
        let fits = TAGS.contains(&stored.tag.len()) && SALTS.contains(&stored.salt.len());
        if fits { Ok(stored) } else { Err(RefusedHash::Length) }
    }
}

/// A hash that begins with a dollar sign: as crypt writes it, or as PHC and passlib do.
fn crypt(text: &str, rest: &str) -> Result<Stored, RefusedHash> {
    match rest.split_once('$').ok_or(RefusedHash::Unknown)? {
        ("argon2i" | "argon2d" | "argon2id", _) => argon2(text),
        ("2a" | "2b" | "2y", _) => bcrypt(text, false),
        ("2x", _) => Err(RefusedHash::Faulty),
        ("6", rest) => sha512_crypt(rest),
        ("scrypt", rest) => phc_scrypt(rest),
        ("pbkdf2", rest) => pbkdf2(rest, Digest::Sha1),
        ("pbkdf2-sha256", rest) => pbkdf2(rest, Digest::Sha256),
        ("pbkdf2-sha512", rest) => pbkdf2(rest, Digest::Sha512),
        _ => Err(RefusedHash::Unknown),
    }
}

fn argon2(text: &str) -> Result<Stored, RefusedHash> {
    if has_a_parameter_twice(text) {
        return Err(RefusedHash::Malformed);
    }
    let phc = Phc::new(text).map_err(|_| RefusedHash::Malformed)?;
    let algorithm = Algorithm::try_from(phc.algorithm.as_str());
    let algorithm = algorithm.map_err(|_| RefusedHash::Unknown)?;
    // Without a version it is of the first.
    let version = phc.version.map_or(Ok(Version::V0x10), Version::try_from);
    let version = version.map_err(|_| RefusedHash::Malformed)?;
    let (Some(salt), Some(tag)) = (phc.salt, phc.hash) else { return Err(RefusedHash::Malformed) };
    let params = Params::try_from(&phc.params).map_err(|_| RefusedHash::Malformed)?;
    if !(params.keyid().is_empty() && params.data().is_empty()) {
        return Err(RefusedHash::Malformed);
    }
    let (memory, passes, lanes) = (params.m_cost(), params.t_cost(), params.p_cost());
    let (most_memory, most_passes, most_lanes) = ARGON2_MOST;
    if memory > most_memory || passes > most_passes || lanes > most_lanes {
        return Err(RefusedHash::Cost);
    }
    if u64::from(memory) * u64::from(passes) > ARGON2_WORK {
        return Err(RefusedHash::Cost);
    }
    let params = Params::new(memory, passes, lanes, Some(tag.len()));
    let params = params.map_err(|_| RefusedHash::Malformed)?;
    let scheme = Scheme::Argon2 { algorithm, version, params };
    Ok(Stored { scheme, salt: salt.to_vec(), tag: tag.as_bytes().to_vec() })
}

/// The parser takes the last one, and another program may take the first.
fn has_a_parameter_twice(text: &str) -> bool {
    text.split('$').any(|field| {
        let names: Vec<&str> =
            field.split(',').filter_map(|one| Some(one.split_once('=')?.0)).collect();
        names.iter().enumerate().any(|(place, name)| names[..place].contains(name))
    })
}

/// `$2b$10$`, 22 digits of salt and 31 of hash.
fn bcrypt(text: &str, hashed_first: bool) -> Result<Stored, RefusedHash> {
    const SALT_DIGITS: usize = 22;
    let rest = match text.get(..4) {
        Some("$2a$" | "$2b$" | "$2y$") => &text[4..],
        Some("$2x$") => return Err(RefusedHash::Faulty),
        _ => return Err(RefusedHash::Malformed),
    };
    let (cost, digits) = rest.split_once('$').ok_or(RefusedHash::Malformed)?;
    if cost.len() != 2 || digits.len() != SALT_DIGITS + 31 {
        return Err(RefusedHash::Malformed);
    }
    let cost = number(cost, &BCRYPT_COSTS)?;
    let (salt, tag) = digits.split_at(SALT_DIGITS);
    let decode = |digits| BCRYPT_BASE64.decode(digits).map_err(|_| RefusedHash::Malformed);
    let scheme = Scheme::Bcrypt { cost, hashed_first };
    Ok(Stored { scheme, salt: decode(salt)?, tag: decode(tag)? })
}

/// `rounds$salt$hash`; the salt is text.
fn django_pbkdf2(rest: &str, digest: Digest) -> Result<Stored, RefusedHash> {
    let [rounds, salt, tag] = parts(rest)?;
    let rounds = number(rounds, &PBKDF2_ROUNDS)?;
    let tag = PADDED.decode(tag).map_err(|_| RefusedHash::Malformed)?;
    Ok(Stored { scheme: Scheme::Pbkdf2 { digest, rounds }, salt: salt.into(), tag })
}

/// `sha256:rounds$salt$hash`; the salt is text.
fn werkzeug_pbkdf2(rest: &str) -> Result<Stored, RefusedHash> {
    let [method, salt, tag] = parts(rest)?;
    let (digest, rounds) = method.split_once(':').ok_or(RefusedHash::Malformed)?;
    let digest = match digest {
        "sha1" => Digest::Sha1,
        "sha256" => Digest::Sha256,
        "sha512" => Digest::Sha512,
        _ => return Err(RefusedHash::Unknown),
    };
    let scheme = Scheme::Pbkdf2 { digest, rounds: number(rounds, &PBKDF2_ROUNDS)? };
    Ok(Stored { scheme, salt: salt.into(), tag: bytes_of(tag)? })
}

/// Of PHC, `i=rounds,l=length$salt$hash`, or of passlib, `rounds$salt$hash` in another base 64.
fn pbkdf2(rest: &str, digest: Digest) -> Result<Stored, RefusedHash> {
    let [cost, salt, tag] = parts(rest)?;
    let (rounds, length, base64) = match cost.strip_prefix("i=") {
        None => (cost, None, DOTTED_BASE64),
        Some(cost) => {
            let (rounds, length) = cost.split_once(",l=").unzip();
            (rounds.unwrap_or(cost), length, STANDARD_NO_PAD)
        }
    };
    let rounds = number(rounds, &PBKDF2_ROUNDS)?;
    let decode = |digits| base64.decode(digits).map_err(|_| RefusedHash::Malformed);
    let (salt, tag) = (decode(salt)?, decode(tag)?);
    if length.is_some_and(|length| length != tag.len().to_string()) {
        return Err(RefusedHash::Malformed);
    }
    Ok(Stored { scheme: Scheme::Pbkdf2 { digest, rounds }, salt, tag })
}

/// `N$salt$r$p$hash`; the salt is text.
fn django_scrypt(rest: &str) -> Result<Stored, RefusedHash> {
    let [n, salt, r, p, tag] = parts(rest)?;
    let tag = PADDED.decode(tag).map_err(|_| RefusedHash::Malformed)?;
    Ok(Stored { scheme: scrypt(log_of(n)?, r, p)?, salt: salt.into(), tag })
}

/// `N:r:p$salt$hash`; the salt is text.
fn werkzeug_scrypt(rest: &str) -> Result<Stored, RefusedHash> {
    let [method, salt, tag] = parts(rest)?;
    let mut costs = method.split(':');
    let (Some(n), Some(r), Some(p), None) =
        (costs.next(), costs.next(), costs.next(), costs.next())
    else {
        return Err(RefusedHash::Malformed);
    };
    Ok(Stored { scheme: scrypt(log_of(n)?, r, p)?, salt: salt.into(), tag: bytes_of(tag)? })
}

/// `ln=16,r=8,p=1$salt$hash`.
fn phc_scrypt(rest: &str) -> Result<Stored, RefusedHash> {
    let [costs, salt, tag] = parts(rest)?;
    let mut costs = costs.split(',');
    let mut cost = |name| {
        let cost: Option<&str> = costs.next();
        cost.and_then(|cost| cost.strip_prefix(name)).ok_or(RefusedHash::Malformed)
    };
    let (log_n, r, p) = (cost("ln=")?, cost("r=")?, cost("p=")?);
    let scheme = scrypt(number(log_n, &(1..=63))?, r, p)?;
    let decode = |digits| STANDARD_NO_PAD.decode(digits).map_err(|_| RefusedHash::Malformed);
    Ok(Stored { scheme, salt: decode(salt)?, tag: decode(tag)? })
}

fn scrypt(log_n: u32, r: &str, p: &str) -> Result<Scheme, RefusedHash> {
    let (r, p) = (number(r, &SCRYPT_R)?, number(p, &SCRYPT_P)?);
    let bytes = (128 * u64::from(r)).checked_mul(1 << log_n);
    if bytes.is_none_or(|bytes| bytes > SCRYPT_BYTES || bytes * u64::from(p) > SCRYPT_WORK) {
        return Err(RefusedHash::Cost);
    }
    let log_n = u8::try_from(log_n).map_err(|_| RefusedHash::Cost)?;
    Ok(Scheme::Scrypt { log_n, r, p })
}

fn log_of(n: &str) -> Result<u32, RefusedHash> {
    let n: u64 = decimal(n)?.parse().map_err(|_| RefusedHash::Cost)?;
    if n >= 2 && n.is_power_of_two() { Ok(n.ilog2()) } else { Err(RefusedHash::Malformed) }
}

/// `salt$hash`, or `rounds=5000$salt$hash`.
fn sha512_crypt(rest: &str) -> Result<Stored, RefusedHash> {
    let (rounds, rest) = match rest.strip_prefix("rounds=") {
        None => (sha_crypt::Params::RECOMMENDED_ROUNDS, rest),
        Some(rest) => {
            let (rounds, rest) = rest.split_once('$').ok_or(RefusedHash::Malformed)?;
            (number(rounds, &SHA512_ROUNDS)?, rest)
        }
    };
    let [salt, tag] = parts(rest)?;
    if salt.len() > 16 {
        return Err(RefusedHash::Malformed);
    }
    let tag = crypt_bytes(tag).ok_or(RefusedHash::Malformed)?;
    Ok(Stored { scheme: Scheme::Sha512Crypt { rounds }, salt: salt.into(), tag })
}

/// The bytes of the digits of SHA-512-crypt: four digits for each three bytes, which are taken from
/// the three thirds of the hash in turn.
fn crypt_bytes(digits: &str) -> Option<Vec<u8>> {
    const THIRD: usize = 21;
    if digits.len() != 86 {
        return None;
    }
    let value = |digits: &[u8]| {
        let value = |digit: &u8| CRYPT_DIGITS.iter().position(|known| known == digit);
        digits
            .iter()
            .rev()
            .try_fold(0, |all, digit| Some(all << 6 | u32::try_from(value(digit)?).ok()?))
    };
    let mut tag = vec![0; Scheme::SHA512_TAG];
    let (groups, last) = digits.as_bytes().split_at(THIRD * 4);
    for (number, group) in groups.chunks_exact(4).enumerate() {
        let [_, high, middle, low] = value(group)?.to_be_bytes();
        let mut places = [number, number + THIRD, number + 2 * THIRD];
        places.rotate_left(number % 3);
        for (place, byte) in places.into_iter().zip([high, middle, low]) {
            tag[place] = byte;
        }
    }
    tag[3 * THIRD] = u8::try_from(value(last)?).ok()?;
    Some(tag)
}

/// All the parts between dollar signs.
fn parts<const N: usize>(text: &str) -> Result<[&str; N], RefusedHash> {
    let parts: Vec<&str> = text.split('$').collect();
    parts.try_into().map_err(|_| RefusedHash::Malformed)
}

/// The digits of a number, and nothing else.
fn decimal(digits: &str) -> Result<&str, RefusedHash> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { Ok(digits) } else { Err(RefusedHash::Malformed) }
}

fn number(digits: &str, bounds: &RangeInclusive<u32>) -> Result<u32, RefusedHash> {
    let number = decimal(digits)?.parse().map_err(|_| RefusedHash::Cost)?;
    if bounds.contains(&number) { Ok(number) } else { Err(RefusedHash::Cost) }
}

fn is_hexadecimal(digits: &str) -> bool {
    digits.len() >= 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn bytes_of(digits: &str) -> Result<Vec<u8>, RefusedHash> {
    if !digits.len().is_multiple_of(2) {
        return Err(RefusedHash::Malformed);
    }
    let pairs = digits.as_bytes().chunks_exact(2);
    let byte = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| !pair.starts_with('+'))?;
        u8::from_str_radix(pair, 16).ok()
    };
    pairs.map(byte).collect::<Option<_>>().ok_or(RefusedHash::Malformed)
}
