//! Why a command did not succeed, and how that is told.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use serde::Deserialize;

/// A refusal of the gateway (RFC 9457).
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Problem {
    /// HTTP status.
    #[serde(default)]
    pub status: u16,
    /// Kind of the refusal in words.
    #[serde(default)]
    title: String,
    /// This case in words.
    #[serde(default)]
    detail: String,
    /// Refused fields.
    #[serde(default)]
    errors: Vec<FieldProblem>,
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
struct FieldProblem {
    field: String,
    #[serde(default)]
    limit: Option<String>,
    message: String,
}

/// Why a command failed.
#[derive(Debug)]
pub enum Failure {
    /// The gateway said no.
    Refused(Problem),
    /// No answer from the gateway, or one that makes no sense.
    Connection(String),
    /// The arguments or a file cannot be used.
    Usage(String),
}

impl Failure {
    /// 1 when the gateway refused, 2 otherwise.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Refused(_) => ExitCode::from(1),
            Self::Connection(_) | Self::Usage(_) => ExitCode::from(2),
        }
    }
}

impl Problem {
    /// The refusal in an answer's body; without a readable one, the status says it.
    pub fn read(status: u16, body: &[u8]) -> Self {
        let mut problem: Self = serde_json::from_slice(body).unwrap_or_default();
        problem.status = status;
        problem
    }

    /// Only what happened in this case.
    pub fn without_title(self) -> Self {
        Self {
            title: String::new(),
            ..self
        }
    }

    /// A refusal that `ramalctl` found itself, from what the gateway listed.
    pub fn found(detail: String) -> Self {
        Self {
            status: 404,
            detail,
            ..Self::default()
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(problem) => problem.fmt(f),
            Self::Connection(reason) | Self::Usage(reason) => f.write_str(reason),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.title.as_str(), self.detail.as_str()) {
            ("", "") => write!(f, "the gateway answered with HTTP status {}", self.status)?,
            ("", detail) => f.write_str(detail)?,
            (title, _) if !self.errors.is_empty() => write!(f, "{title}:")?,
            (title, detail) => write!(f, "{title}. {detail}")?,
        }
        for FieldProblem {
            field,
            limit,
            message,
        } in &self.errors
        {
            write!(f, "\n  {field}: {message}")?;
            if let Some(limit) = limit {
                write!(f, " ({limit})")?;
            }
        }
        Ok(())
    }
}

/// Prints a command's output; a reader that went away early (`| head`) is no failure.
pub fn print(output: &str) -> ExitCode {
    let mut out = io::stdout().lock();
    match out.write_all(output.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("ramalctl: cannot print: {error}");
            ExitCode::from(2)
        }
        _ => ExitCode::SUCCESS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_shows_each_field_with_its_limit() {
        let body = br#"{"type":"x","title":"Some fields are refused","status":422,"detail":"2 fields are refused.",
            "errors":[{"field":"number","code":"too_short","limit":"2-7","message":"has 1 digit"},
                      {"field":"ring_time","code":"invalid","message":"is no number"}]}"#;
        let text = Failure::Refused(Problem::read(422, body)).to_string();
        assert_eq!(
            text,
            "Some fields are refused:\n  number: has 1 digit (2-7)\n  ring_time: is no number"
        );
    }

    #[test]
    fn an_answer_that_is_no_problem_document_shows_its_status() {
        let text = Failure::Refused(Problem::read(502, b"<html>")).to_string();
        assert_eq!(text, "the gateway answered with HTTP status 502");
    }
}
