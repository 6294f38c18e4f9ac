//! Why a template cannot be used.

/// Why a template cannot be used. Columns count characters of the template, from 1.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The template is not of the language.
    #[error("column {column}: {what}")]
    Syntax {
        /// Where.
        column: usize,
        /// What is wrong there.
        what: String,
    },
    /// The object has no such field.
    #[error("column {column}: no field {field:?}{known}")]
    NoField {
        /// Where the field is named.
        column: usize,
        /// The name.
        field: String,
        /// `, there are …`, or nothing.
        known: String,
    },
    /// A function or a statement cannot use the value it is given.
    #[error("column {column}: {what}")]
    Value {
        /// Where.
        column: usize,
        /// What cannot be done with which value.
        what: String,
    },
}
