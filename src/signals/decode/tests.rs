use futures_util::stream;
use proptest::prelude::*;
use serde_json::json;

use super::*;

type Rows = Vec<(Vec<(String, String)>, f64)>;

/// Feeds a body in the given pieces (sizes are repeated until it is used up).
fn decode(body: &[u8], sizes: &[usize]) -> Result<(Envelope, Rows), Error> {
    let mut rows = Rows::new();
    let mut chunks = Vec::new();
    let mut rest = body;
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (chunk, tail) = rest.split_at((*size).clamp(1, rest.len()));
        chunks.push(Ok(Bytes::copy_from_slice(chunk)));
        rest = tail;
    }
    let mut on_row = |labels: &Labels<'_>, value: f64| {
        rows.push((labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(), value));
    };
    let envelope = futures_util::FutureExt::now_or_never(decode_vector(stream::iter(chunks), &mut on_row))
        .expect("chunks that are there need no waiting")?;
    Ok((envelope, rows))
}

fn series(labels: &[(&str, &str)], value: &str) -> serde_json::Value {
    let metric: serde_json::Map<_, _> = labels.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    json!({"metric": metric, "value": [1_795_229_314.078, value]})
}

#[test]
fn members_may_come_in_any_order_and_unknown_ones_are_passed_over() {
    let result = json!([series(&[("app", "orders")], "3.5"), series(&[], "-1")]).to_string();
    for body in [
        format!(r#"{{"status":"success","data":{{"resultType":"vector","result":{result}}},"warnings":["w"]}}"#),
        format!(r#"{{"warnings":["w"],"data":{{"result":{result},"resultType":"vector"}},"status":"success"}}"#),
        format!(
            "\n{{ \"new\" : [1e-5, {{\"a\":null}}, true] , \"status\" : \"success\", \"warnings\" : [ \"w\" ],\n \
             \"infos\":null, \"data\" : {{ \"stats\": {{\"x\": -1.5}}, \"resultType\" : \"vector\" ,\"result\" : \
             {result} }} }}\n"
        ),
    ] {
        for size in [1, 2, 7, 100_000] {
            let (envelope, rows) = decode(body.as_bytes(), &[size]).unwrap();
            assert_eq!(envelope.warnings, ["w"], "{body}");
            assert_eq!((envelope.rows, envelope.histograms), (2, 0));
            assert_eq!(rows, [(vec![("app".into(), "orders".into())], 3.5), (vec![], -1.0)], "{size} {body}");
        }
    }
}

#[test]
fn values_are_numbers_in_all_their_forms() {
    for (text, value) in
        [("0", 0.0), ("1e-05", 1e-5), ("+Inf", f64::INFINITY), ("-Inf", f64::NEG_INFINITY), ("-1", -1.0)]
    {
        let body = json!({"status": "success", "data": {"resultType": "vector", "result": [series(&[], text)]}});
        assert_eq!(decode(body.to_string().as_bytes(), &[3]).unwrap().1, [(vec![], value)]);
    }
    let body = json!({"status": "success", "data": {"resultType": "vector", "result": [series(&[], "NaN")]}});
    assert!(decode(body.to_string().as_bytes(), &[3]).unwrap().1[0].1.is_nan());
}

#[test]
fn a_scalar_is_one_row_and_an_empty_vector_none() {
    let scalar = br#"{"status":"success","data":{"resultType":"scalar","result":[ 1795229314.078,"42"]}}"#;
    let empty = br#"{"status":"success","data":{"resultType":"vector","result":[ ]}}"#;
    for size in [1, 3, 1000] {
        assert_eq!(decode(scalar, &[size]).unwrap().1, [(vec![], 42.0)]);
        assert_eq!(decode(empty, &[size]).unwrap(), (Envelope::default(), vec![]));
    }
}

#[test]
fn a_native_histogram_is_left_out_and_counted() {
    let histogram =
        json!({"metric": {"app": "x"}, "histogram": [1.5, {"count": "5", "buckets": [[0, "1", "2", "3"]]}]});
    let body = json!({"status": "success", "data": {"resultType": "vector", "result": [histogram, series(&[], "1")]}});
    let (envelope, rows) = decode(body.to_string().as_bytes(), &[5]).unwrap();
    assert_eq!((envelope.rows, envelope.histograms), (1, 1));
    assert_eq!(rows, [(vec![], 1.0)]);
}

#[test]
fn what_is_not_an_answer_is_an_error_that_says_why() {
    for (body, text) in [
        (
            r#"{"status":"error","errorType":"execution","error":"boom"}"#,
            "Prometheus refused the query (execution): boom",
        ),
        (
            r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#,
            "the query gives a matrix where an instant vector is needed: put a function such as rate() around the range selector",
        ),
        (
            r#"{"status":"success","data":{"result":[],"resultType":"string"}}"#,
            "the query gives a string where an instant vector is needed: ask for numbers",
        ),
        (r#"{"status":"success","data":null}"#, "the answer is not one of the Prometheus API: it has no `data.result`"),
        (
            r#"{"status":"success","data":{"result":[]}}"#,
            "the answer is not one of the Prometheus API: it has no `data.resultType`",
        ),
        (
            r#"{"data":{"resultType":"vector","result":[]}}"#,
            "the answer is not one of the Prometheus API: its `status` is neither `success` nor `error`",
        ),
        (r#"<html>"#, "the answer is not one of the Prometheus API: '<' stands where it cannot (Opening)"),
        (
            r#"{"status":"success","data":{"resultType":"vector","result":[]}} x"#,
            "the answer is not one of the Prometheus API: 'x' stands where it cannot (End)",
        ),
        ("", "the answer is cut off after 0 bytes"),
        (
            r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"a"]}]}}"#,
            "failed to parse the answer near byte 60: is `url` the address of a Prometheus?",
        ),
        (
            r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"values":[]}]}}"#,
            "failed to parse the answer near byte 60: is `url` the address of a Prometheus?",
        ),
    ] {
        for size in [1, 1000] {
            assert_eq!(decode(body.as_bytes(), &[size]).unwrap_err().to_string(), text, "{body}");
        }
    }
}

#[test]
fn an_answer_that_is_cut_anywhere_is_an_error() {
    let body = json!({"status": "success", "data": {"resultType": "vector",
        "result": [series(&[("app", "a\"]}}é\\")], "1e-05"), series(&[("b", "]")], "2")]}, "warnings": ["x"]})
    .to_string();
    assert!(decode(body.as_bytes(), &[10]).is_ok());
    for cut in 0..body.len() {
        let found = decode(&body.as_bytes()[..cut], &[10]);
        assert!(matches!(found, Err(Error::Truncated { bytes }) if bytes == cut as u64), "{cut}: {found:?}");
    }
}

#[test]
fn an_element_without_end_does_not_fill_the_memory() {
    let start = r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":""#;
    let mut decoder = Decoder::default();
    decoder.feed(start.as_bytes(), &mut |_, _| ()).unwrap();
    let chunk = vec![b'a'; 6 << 20];
    let results: Vec<bool> = (0..3).map(|_| decoder.feed(&chunk, &mut |_, _| ()).is_ok()).collect();
    assert_eq!(results, [true, true, false]);
}

/// Text that would fool a search for brackets, quotes and escapes.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        Just(r#"]}}"#.to_owned()),
        Just(r#"{"metric":{},"value":[0,"1"]},"#.to_owned()),
        Just("\\\"]}\u{0}\u{7f}\u{2028}\u{1F600}é".to_owned()),
        "[\\[\\]{}\",:\\\\ \n]{0,12}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_rows_do_not_depend_on_how_the_body_is_cut(
        rows in prop::collection::vec(
            (prop::collection::btree_map(hostile(), hostile(), 0..4), prop::num::f64::NORMAL | prop::num::f64::ZERO),
            0..40,
        ),
        warnings in prop::collection::vec(hostile(), 0..3),
        warnings_first in any::<bool>(),
        pretty in any::<bool>(),
        sizes in prop::collection::vec(prop_oneof![1_usize..40, 40_usize..6000], 1..6),
    ) {
        let result: Vec<_> = rows.iter().map(|(labels, value)| {
            json!({"metric": labels, "value": [1_795_229_314.5, value.to_string()]})
        }).collect();
        let data = json!({"resultType": "vector", "result": result});
        let print = |value: &serde_json::Value| {
            if pretty { serde_json::to_string_pretty(value).unwrap() } else { value.to_string() }
        };
        let (data, noted) = (print(&data), print(&json!(warnings)));
        let body = if warnings_first {
            format!(r#"{{"status":"success","warnings":{noted},"data":{data}}}"#)
        } else {
            format!(r#"{{"status":"success","data":{data},"warnings":{noted}}}"#)
        };
        let expected: Rows = rows.into_iter().map(|(labels, value)| (labels.into_iter().collect(), value)).collect();
        for sizes in [&sizes[..], &[1], &[usize::MAX]] {
            let (envelope, found) = decode(body.as_bytes(), sizes).unwrap();
            prop_assert_eq!(&found, &expected);
            prop_assert_eq!(&envelope.warnings, &warnings);
            prop_assert_eq!(envelope.rows, expected.len());
        }
    }
}
