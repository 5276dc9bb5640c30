//! The table, and what in it is beyond the error that is stated.

use std::fmt::Write as _;

use super::fixture::Fixture;
use super::holds::TRAITS;
use super::measure::Row;

pub fn markdown(fixture: &Fixture, rows: &[Row]) -> String {
    let held: Vec<&str> = TRAITS.iter().filter(|(_, holds)| holds(fixture)).map(|(what, _)| *what).collect();
    let held = if held.is_empty() { String::new() } else { format!(": {}", held.join(", ")) };
    let mut text = format!(
        "{}{held}\n\n| | recorded | predicted | error | stated |\n| --- | --- | --- | --- | --- |\n",
        fixture.name
    );
    for row in rows {
        let Row { quantity, unit, recorded, predicted, error } = row;
        let stated = fixture.allowed(quantity).map_or_else(|| "-".to_owned(), number);
        let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
        let (recorded, predicted, error) = (number(*recorded), number(*predicted), number(*error));
        writeln!(text, "| {quantity} | {recorded}{unit} | {predicted}{unit} | {error} | {stated} |").unwrap();
    }
    text.push('\n');
    text
}

/// Three digits that count.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => {
            let text = format!("{value:.3}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
    }
}

pub fn too_far(fixture: &Fixture, rows: &[Row]) -> Vec<String> {
    let mut wrong: Vec<String> = rows
        .iter()
        .filter_map(|row| {
            let Some(stated) = fixture.allowed(row.quantity) else {
                return Some(format!("{}: no error is stated for `{}`", fixture.name, row.quantity));
            };
            let off = row.error.is_nan() || row.error.abs() > stated;
            off.then(|| format!("{}: {} is off by {}, stated is {stated}", fixture.name, row.quantity, row.error))
        })
        .collect();
    let unknown = fixture.quantities().filter(|name| rows.iter().all(|row| row.quantity != *name));
    wrong.extend(unknown.map(|name| format!("{}: nothing is measured for `{name}`", fixture.name)));
    wrong
}
