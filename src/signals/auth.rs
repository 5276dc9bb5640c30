//! Who we say we are: the headers of a request. Tokens and passwords in files are read anew for each request.

use std::path::{Path, PathBuf};

use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use super::connection::{BasicAuth, Connection, Secret};
use super::error::Error;

/// The headers that never change, and the one that may.
#[derive(Clone)]
pub(super) struct Auth {
    fixed: HeaderMap,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    /// None, or one that is among the fixed headers.
    Fixed,
    TokenFile(PathBuf),
    PasswordFile {
        username: String,
        path: PathBuf,
    },
}

impl Auth {
    /// Takes the credentials out of the settings, and out of the URL.
    pub fn new(connection: &Connection, url: &mut Url) -> Result<Self, Error> {
        let mut fixed = extra_headers(connection)?;
        let in_url = take_credentials(url)?;
        let mut given: Vec<&'static str> = Vec::new();
        given.extend(connection.bearer_token.is_some().then_some("bearer_token"));
        given.extend(connection.bearer_token_file.is_some().then_some("bearer_token_file"));
        given.extend(connection.basic_auth.is_some().then_some("basic_auth"));
        given.extend(fixed.contains_key(AUTHORIZATION).then_some("headers.Authorization"));
        given.extend(in_url.is_some().then_some("url"));
        if let [.., before, last] = given[..] {
            return Err(setting(last, format!("gives credentials, and so does `{before}`: keep one of them")));
        }
        let basic = connection.basic_auth.as_ref().or(in_url.as_ref());
        let kind = match (&connection.bearer_token, &connection.bearer_token_file, basic) {
            (Some(token), ..) => {
                fixed.insert(AUTHORIZATION, bearer(token.expose(), "bearer_token")?);
                Kind::Fixed
            }
            (_, Some(path), _) => Kind::TokenFile(path.clone()),
            (.., Some(BasicAuth { username, password, password_file })) => match (password, password_file) {
                (Some(_), Some(_)) => {
                    return Err(setting("basic_auth", "has a `password` and a `password_file`: keep one of them"));
                }
                (None, Some(path)) => Kind::PasswordFile { username: username.clone(), path: path.clone() },
                (password, None) => {
                    fixed.insert(AUTHORIZATION, self::basic(username, password.as_ref().map_or("", Secret::expose))?);
                    Kind::Fixed
                }
            },
            _ => Kind::Fixed,
        };
        Ok(Self { fixed, kind })
    }

    /// The headers of the next request.
    pub async fn headers(&self) -> Result<HeaderMap, Error> {
        let mut headers = self.fixed.clone();
        match &self.kind {
            Kind::Fixed => {}
            Kind::TokenFile(path) => {
                let token = read("bearer_token_file", path).await?;
                headers.insert(AUTHORIZATION, bearer(&token, "bearer_token_file")?);
            }
            Kind::PasswordFile { username, path } => {
                let password = read("basic_auth.password_file", path).await?;
                headers.insert(AUTHORIZATION, basic(username, &password)?);
            }
        }
        Ok(headers)
    }
}

fn setting(setting: &'static str, problem: impl Into<String>) -> Error {
    Error::Setting { setting, problem: problem.into() }
}

fn extra_headers(connection: &Connection) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    for (name, value) in &connection.headers {
        let header = name.parse::<HeaderName>();
        let header = header.map_err(|_| setting("headers", format!("has `{name}`, which is no name of a header")))?;
        let problem = || setting("headers", format!("has a value for `{name}` that no header can hold"));
        headers.insert(header, sensitive(value.expose()).ok_or_else(problem)?);
    }
    if let Some(tenant) = &connection.tenant {
        let value = HeaderValue::from_str(tenant);
        let value = value.map_err(|_| setting("tenant", format!("is `{tenant}`, which no header can hold")))?;
        if headers.insert("x-scope-orgid", value).is_some() {
            return Err(setting("tenant", "is given, and so is the header `X-Scope-OrgID`: keep one of them"));
        }
    }
    Ok(headers)
}

/// Moves user and password out of the URL, so that no log can show them.
fn take_credentials(url: &mut Url) -> Result<Option<BasicAuth>, Error> {
    if url.username().is_empty() && url.password().is_none() {
        return Ok(None);
    }
    let plain = |text: &str| {
        percent_decoded(text).ok_or_else(|| setting("url", "has a user or password that is no text: use `basic_auth`"))
    };
    let username = plain(url.username())?;
    let password = url.password().map(plain).transpose()?.map(Secret::new);
    if url.set_username("").is_err() || url.set_password(None).is_err() {
        return Err(setting("url", "cannot hold a user: use `basic_auth`"));
    }
    Ok(Some(BasicAuth { username, password, password_file: None }))
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        let decoded = match (first, tail) {
            (b'%', [high, low, tail @ ..]) => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                digit(high).zip(digit(low)).map(|(high, low)| (high << 4 | low, tail))
            }
            _ => None,
        };
        if let Some((byte, tail)) = decoded {
            bytes.push(byte);
            rest = tail;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}

async fn read(setting: &'static str, path: &Path) -> Result<String, Error> {
    let text = tokio::fs::read_to_string(path).await;
    let text = text.map_err(|source| Error::File { setting, path: path.to_owned(), source })?;
    let text = text.trim();
    if text.is_empty() {
        return Err(Error::Content { setting, path: path.to_owned(), problem: "is empty" });
    }
    Ok(text.to_owned())
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn bearer(token: &str, name: &'static str) -> Result<HeaderValue, Error> {
    sensitive(&format!("Bearer {token}")).ok_or_else(|| setting(name, "holds a token that no header can hold"))
}

fn basic(username: &str, password: &str) -> Result<HeaderValue, Error> {
    let encoded = base64(format!("{username}:{password}").as_bytes());
    sensitive(&format!("Basic {encoded}")).ok_or_else(|| setting("basic_auth", "cannot be put into a header"))
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for position in 0..4 {
            let index = bits >> (18 - 6 * position) & 63;
            text.push(if position <= chunk.len() { char::from(ALPHABET[index as usize]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auth(change: impl FnOnce(&mut Connection), url: &str) -> Result<Auth, Error> {
        let mut connection = Connection::new(url);
        change(&mut connection);
        Auth::new(&connection, &mut Url::parse(url).unwrap())
    }

    #[test]
    fn base64_is_that_of_the_standard() {
        let rows =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE=")];
        for (plain, encoded) in rows {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }

    #[tokio::test]
    async fn a_user_in_the_url_is_basic_auth() {
        let mut url = Url::parse("http://user%40x:p%3Aw@host/base").unwrap();
        let auth = Auth::new(&Connection::new(url.clone()), &mut url).unwrap();
        assert_eq!(url.as_str(), "http://host/base");
        let header = auth.headers().await.unwrap()[AUTHORIZATION].clone();
        assert_eq!(header.to_str().unwrap(), format!("Basic {}", base64(b"user@x:p:w")));
        assert!(header.is_sensitive());
    }

    #[test]
    fn two_kinds_of_credentials_are_one_too_many() {
        let basic = || Some(BasicAuth { username: "u".into(), password: None, password_file: None });
        let token = || Some(Secret::new("hidden"));
        let plain = "http://h";
        for (found, text) in [
            (
                auth(|c| (c.bearer_token, c.basic_auth) = (token(), basic()), plain),
                "prometheus setting `basic_auth` gives credentials, and so does `bearer_token`: keep one of them",
            ),
            (
                auth(|c| (c.bearer_token, c.bearer_token_file) = (token(), Some("/t".into())), plain),
                "prometheus setting `bearer_token_file` gives credentials, and so does `bearer_token`: keep one of them",
            ),
            (
                auth(|c| c.basic_auth = basic(), "http://u:hidden@h"),
                "prometheus setting `url` gives credentials, and so does `basic_auth`: keep one of them",
            ),
            (
                auth(
                    |c| {
                        c.bearer_token = token();
                        c.headers.insert("authorization".into(), Secret::new("hidden"));
                    },
                    plain,
                ),
                "prometheus setting `headers.Authorization` gives credentials, and so does `bearer_token`: keep one of \
                 them",
            ),
            (
                auth(|c| c.bearer_token = Some(Secret::new("hid\nden")), plain),
                "prometheus setting `bearer_token` holds a token that no header can hold",
            ),
            (
                auth(|c| drop(c.headers.insert("a b".into(), Secret::new("x"))), plain),
                "prometheus setting `headers` has `a b`, which is no name of a header",
            ),
            (
                auth(
                    |c| {
                        c.tenant = Some("a".into());
                        c.headers.insert("x-scope-orgid".into(), Secret::new("b"));
                    },
                    plain,
                ),
                "prometheus setting `tenant` is given, and so is the header `X-Scope-OrgID`: keep one of them",
            ),
        ] {
            assert_eq!(found.err().map(|error| error.to_string()).as_deref(), Some(text));
        }
    }

    #[tokio::test]
    async fn a_token_file_is_read_for_each_request() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        let auth = auth(|c| c.bearer_token_file = Some(path.clone()), "http://h").unwrap();
        let error = auth.headers().await.unwrap_err().to_string();
        assert_eq!(
            error,
            format!("failed to read {}, which prometheus setting `bearer_token_file` names", path.display())
        );
        for token in ["one\n", "two"] {
            std::fs::write(&path, token).unwrap();
            assert_eq!(auth.headers().await.unwrap()[AUTHORIZATION], format!("Bearer {}", token.trim()));
        }
        std::fs::write(&path, " \n").unwrap();
        assert!(matches!(auth.headers().await, Err(Error::Content { problem: "is empty", .. })));
    }
}
