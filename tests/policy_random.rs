//! Whatever stands in a policy file: an answer, never a panic, and every problem lies inside of the file.

use proptest::prelude::*;
use steelyard::policy;

const WHOLE: &str = include_str!("policies/good/everything.yaml");

fn judge(text: &str) -> Result<(), TestCaseError> {
    let problems = match policy::parse("random.yaml", text) {
        Ok(policies) => {
            prop_assert!(!policies.is_empty());
            return Ok(());
        }
        Err(problems) => problems,
    };
    prop_assert!(!problems.is_empty());
    let lines: Vec<&str> = text.split('\n').collect();
    for at in problems.iter().filter_map(|problem| problem.position.as_ref()) {
        prop_assert!((1..=lines.len()).contains(&at.line), "line {} of {}", at.line, lines.len());
        prop_assert!(at.column <= lines[at.line - 1].chars().count() + 1, "column {} of {:?}", at.column, at.text);
        prop_assert!(at.width >= 1);
    }
    prop_assert!(!problems.to_string().is_empty());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn any_text(text in "\\PC{0,200}") {
        judge(&text)?;
    }

    #[test]
    fn yaml_like_text(text in "([ \t]{0,4}(- |[a-z]{1,4}: ?|\\{|\\}|\\[|\\]|\"|'|&a |\\*a|\\||>-|#|---|é|,|~)?\n?){0,40}") {
        judge(&text)?;
    }

    #[test]
    fn a_policy_with_a_piece_cut_out(from in 0..WHOLE.len(), length in 0_usize..60, filling in "[ a-z0-9:{}\\[\\]\"'\n\t%*&(),-]{0,6}") {
        let (from, to) = (from, (from + length).min(WHOLE.len()));
        prop_assume!(WHOLE.is_char_boundary(from) && WHOLE.is_char_boundary(to));
        judge(&format!("{}{filling}{}", &WHOLE[..from], &WHOLE[to..]))?;
    }
}
