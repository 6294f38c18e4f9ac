//! What a check has found.

use unipod_generator::Problem;

/// All problems of a run.
pub(super) struct Report {
    pub(super) problems: Vec<Problem>,
    /// How many unit files were looked at.
    pub(super) files: usize,
}

impl Report {
    pub(super) fn errors(&self) -> usize {
        self.problems.iter().filter(|problem| problem.is_error()).count()
    }

    pub(super) fn warnings(&self) -> usize {
        self.problems.len() - self.errors()
    }
}
