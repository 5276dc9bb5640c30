//! Answers that are read whole: ranges of time for recordings, and small questions.

use prometheus_http_query::response::RangeVector;
use reqwest::{Response, StatusCode};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::value::RawValue;

use super::error::Error;

/// The answer to a range query.
#[derive(Debug)]
pub(super) struct Matrix<T> {
    pub series: Vec<T>,
    /// The answer may lack series or samples.
    pub warnings: Vec<String>,
}

/// What stands around every answer. The library's own drops the warnings.
#[derive(Debug)]
pub(super) struct Answer<T> {
    pub data: T,
    pub warnings: Vec<String>,
}

#[derive(Deserialize)]
struct Envelope<T> {
    status: String,
    data: Option<T>,
    #[serde(rename = "errorType")]
    error_type: Option<String>,
    error: Option<String>,
    warnings: Option<Vec<String>>,
}

fn open<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<Answer<T>, Error> {
    let envelope: Envelope<T> = serde_json::from_slice(body).map_err(|source| {
        if source.is_eof() { Error::Truncated { bytes: body.len() as u64 } } else { parse_error(body, source) }
    })?;
    match (envelope.status.as_str(), envelope.data) {
        ("success", Some(data)) => Ok(Answer { data, warnings: envelope.warnings.unwrap_or_default() }),
        ("error", _) => Err(Error::Refused {
            kind: envelope.error_type.unwrap_or_default(),
            text: envelope.error.unwrap_or_default(),
            status: StatusCode::OK,
        }),
        _ => Err(Error::Shape { problem: "it has no `data`, or its `status` is unknown".to_owned() }),
    }
}

fn parse_error(body: &[u8], source: serde_json::Error) -> Error {
    let lines = body.split_inclusive(|byte| *byte == b'\n').take(source.line().saturating_sub(1));
    let offset = lines.map(<[u8]>::len).sum::<usize>() + source.column();
    Error::Parse { offset: offset as u64, source }
}

async fn body(response: Response) -> Result<bytes::Bytes, Error> {
    response.bytes().await.map_err(|source| Error::Body { source: source.without_url() })
}

/// The `data` of an answer.
pub(super) async fn data<T: DeserializeOwned>(response: Response) -> Result<Answer<T>, Error> {
    open(&body(response).await?)
}

/// The series of an answer to a range query. Series of native histograms are left out.
pub(super) async fn series(response: Response) -> Result<Matrix<RangeVector>, Error> {
    parse_series(&body(response).await?)
}

fn parse_series(body: &[u8]) -> Result<Matrix<RangeVector>, Error> {
    #[derive(Deserialize)]
    struct Data<'a> {
        #[serde(rename = "resultType")]
        result_type: String,
        #[serde(borrow)]
        result: Vec<&'a RawValue>,
    }
    #[derive(Deserialize)]
    struct Histogram {
        #[serde(rename = "histograms")]
        _histograms: IgnoredAny,
    }
    let Answer { data, warnings } = open::<Data<'_>>(body)?;
    if data.result_type != "matrix" {
        return Err(Error::Shape { problem: format!("a range query was answered with a {}", data.result_type) });
    }
    let mut series = Vec::with_capacity(data.result.len());
    for element in data.result {
        match serde_json::from_str::<RangeVector>(element.get()) {
            Ok(vector) => series.push(vector),
            Err(_) if serde_json::from_str::<Histogram>(element.get()).is_ok() => {}
            Err(source) => {
                let offset = element.get().as_ptr() as usize - body.as_ptr() as usize;
                return Err(Error::Parse { offset: offset as u64, source });
            }
        }
    }
    Ok(Matrix { series, warnings })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_keeps_its_warnings_and_leaves_histograms_out() {
        let body = br#"{"status":"success","data":{"resultType":"matrix","result":[
            {"metric":{"app":"x"},"values":[[1.5,"2"],[2.5,"NaN"]]},
            {"metric":{"app":"y"},"histograms":[[1.5,{"count":"1"}]]}]},"warnings":["half"]}"#;
        let Matrix { series, warnings } = parse_series(body).unwrap();
        assert_eq!(warnings, ["half"]);
        assert_eq!(series.len(), 1);
        assert_eq!(series[0].metric()["app"], "x");
        assert_eq!((series[0].samples()[0].timestamp(), series[0].samples()[0].value()), (1.5, 2.0));
        assert!(series[0].samples()[1].value().is_nan());
    }

    #[test]
    fn what_is_no_matrix_is_an_error_that_says_why() {
        for (body, text) in [
            (r#"{"status":"error","errorType":"bad_data","error":"x"}"#, "Prometheus refused the query (bad_data): x"),
            (
                r#"{"status":"success","data":{"resultType":"matrix","result":[{"#,
                "the answer is cut off after 61 bytes",
            ),
            (
                r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#,
                "the answer is not one of the Prometheus API: a range query was answered with a vector",
            ),
            (
                r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{}}]}}"#,
                "failed to parse the answer near byte 60: is `url` the address of a Prometheus?",
            ),
            (
                r#"{"status":"success"}"#,
                "the answer is not one of the Prometheus API: it has no `data`, or its `status` is unknown",
            ),
            ("\n<html>", "failed to parse the answer near byte 2: is `url` the address of a Prometheus?"),
        ] {
            assert_eq!(parse_series(body.as_bytes()).unwrap_err().to_string(), text);
        }
    }
}
