//! Nodes and data to text.

use std::borrow::Cow;

use serde_json::Value;

use super::error::TemplateError;
use super::parse::{Base, Node, Operand, Pipeline};
use super::{functions, show};

/// What a template is about.
#[derive(Debug, Clone, Copy)]
pub struct Data<'a> {
    /// What `.` and its fields are at the beginning.
    pub dot: &'a Value,
    /// What `{{json .}}` writes for it.
    pub json: &'a Value,
}

type Val<'a> = Cow<'a, Value>;

/// Fields that are Go maps: asked for a name they do not have, they answer with nothing. All others are structs, where
/// an unknown name is an error.
const MAPS: [&str; 12] = [
    "Labels",
    "Annotations",
    "Options",
    "Networks",
    "Ports",
    "PortBindings",
    "ExposedPorts",
    "Volumes",
    "Tmpfs",
    "Sysctl",
    "Sysctls",
    "IPAMOptions",
];

/// One run of a template.
pub struct Evaluation<'a> {
    data: Data<'a>,
    variables: Vec<(String, Val<'a>)>,
    text: String,
}

/// How a list of nodes ended.
enum Flow {
    Next,
    Break,
    Continue,
}

impl<'a> Evaluation<'a> {
    pub fn new(data: Data<'a>) -> Self {
        // `$` has the empty name.
        Self {
            data,
            variables: vec![(String::new(), Cow::Borrowed(data.dot))],
            text: String::new(),
        }
    }

    pub fn run(mut self, nodes: &[Node]) -> Result<String, TemplateError> {
        self.nodes(nodes, &Cow::Borrowed(self.data.dot))?;
        Ok(self.text)
    }

    /// A block: its variables end with it.
    fn nodes(&mut self, nodes: &[Node], dot: &Val<'a>) -> Result<Flow, TemplateError> {
        let outer = self.variables.len();
        let mut flow = Flow::Next;
        for node in nodes {
            flow = self.node(node, dot)?;
            if !matches!(flow, Flow::Next) {
                break;
            }
        }
        self.variables.truncate(outer);
        Ok(flow)
    }

    fn node(&mut self, node: &Node, dot: &Val<'a>) -> Result<Flow, TemplateError> {
        match node {
            Node::Text(text) => self.text.push_str(text),
            Node::Pipeline(pipeline) => {
                let value = self.pipeline(pipeline, dot)?;
                if pipeline.variables.is_empty() {
                    self.text.push_str(&show::value(&value));
                }
            }
            Node::Branch {
                rebinds_dot,
                condition,
                then,
                otherwise,
            } => {
                let outer = self.variables.len();
                let value = self.pipeline(condition, dot)?;
                let flow = match (functions::truth(&value), rebinds_dot) {
                    (true, true) => self.nodes(then, &value),
                    (true, false) => self.nodes(then, dot),
                    (false, _) => self.nodes(otherwise, dot),
                };
                self.variables.truncate(outer);
                return flow;
            }
            Node::Range { over, body, otherwise } => return self.range(over, body, otherwise, dot),
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::Next)
    }

    fn range(
        &mut self,
        over: &Pipeline,
        body: &[Node],
        otherwise: &[Node],
        dot: &Val<'a>,
    ) -> Result<Flow, TemplateError> {
        let value = self.commands(over, dot)?;
        let items = items(&value).ok_or_else(|| TemplateError::Value {
            column: over.column,
            what: format!("range cannot go over {}", show::value(&value)),
        })?;
        if items.is_empty() {
            return self.nodes(otherwise, dot);
        }
        let outer = self.variables.len();
        for (key, item) in items {
            // One variable is the item, two are its index or name and the item.
            match over.variables.as_slice() {
                [] => {}
                [only] => self.bind(only, item.clone(), over)?,
                [first, second, ..] => {
                    self.bind(first, Cow::Owned(key), over)?;
                    self.bind(second, item.clone(), over)?;
                }
            }
            let flow = self.nodes(body, &item)?;
            self.variables.truncate(outer);
            if matches!(flow, Flow::Break) {
                break;
            }
        }
        Ok(Flow::Next)
    }

    fn bind(&mut self, name: &str, value: Val<'a>, pipeline: &Pipeline) -> Result<(), TemplateError> {
        if pipeline.assigns {
            let variable = self.variables.iter_mut().rev().find(|(known, _)| known == name);
            variable.ok_or_else(|| no_variable(name, pipeline.column))?.1 = value;
        } else {
            self.variables.push((name.to_owned(), value));
        }
        Ok(())
    }

    fn pipeline(&mut self, pipeline: &Pipeline, dot: &Val<'a>) -> Result<Val<'a>, TemplateError> {
        let value = self.commands(pipeline, dot)?;
        match pipeline.variables.as_slice() {
            [] => {}
            [name] => self.bind(name, value.clone(), pipeline)?,
            _ => {
                let what = "two variables are for range only".to_owned();
                return Err(TemplateError::Syntax {
                    column: pipeline.column,
                    what,
                });
            }
        }
        Ok(value)
    }

    fn commands(&mut self, pipeline: &Pipeline, dot: &Val<'a>) -> Result<Val<'a>, TemplateError> {
        let mut last = None;
        for command in &pipeline.commands {
            last = Some(self.command(command, last.take(), dot)?);
        }
        Ok(last.unwrap_or(Cow::Owned(Value::Null)))
    }

    /// A function with its arguments, what the pipe brings last; or a value alone.
    fn command(
        &mut self,
        operands: &[Operand],
        piped: Option<Val<'a>>,
        dot: &Val<'a>,
    ) -> Result<Val<'a>, TemplateError> {
        let Some((first, arguments)) = operands.split_first() else {
            return Ok(Cow::Owned(Value::Null));
        };
        let Base::Function(name) = &first.base else {
            if !arguments.is_empty() || piped.is_some() {
                let what = "arguments after something that is not a function".to_owned();
                return Err(TemplateError::Value {
                    column: first.column,
                    what,
                });
            }
            return self.operand(first, dot);
        };
        let mut values = Vec::with_capacity(arguments.len() + 1);
        for argument in arguments {
            let value = self.operand(argument, dot)?;
            // `and` and `or` look no further than they must.
            let decided = match name.as_str() {
                "and" => !functions::truth(&value),
                "or" => functions::truth(&value),
                _ => false,
            };
            if decided {
                return Ok(value);
            }
            values.push(value);
        }
        values.extend(piped);
        let value = self.call(name, &values, first.column)?;
        fields(value, first)
    }

    fn call(&self, name: &str, values: &[Val<'a>], column: usize) -> Result<Val<'a>, TemplateError> {
        let mut arguments: Vec<&Value> = values.iter().map(AsRef::as_ref).collect();
        if name == "json" {
            for argument in &mut arguments {
                if std::ptr::eq(*argument, self.data.dot) {
                    *argument = self.data.json;
                }
            }
        }
        let result = functions::call(name, &arguments);
        result.map(Cow::Owned).map_err(|why| TemplateError::Value {
            column,
            what: format!("{name}: {why}"),
        })
    }

    fn operand(&mut self, operand: &Operand, dot: &Val<'a>) -> Result<Val<'a>, TemplateError> {
        let base = match &operand.base {
            Base::Dot => dot.clone(),
            Base::Literal(value) => Cow::Owned(value.clone()),
            Base::Group(pipeline) => self.pipeline(pipeline, dot)?,
            Base::Function(name) => self.call(name, &[], operand.column)?,
            Base::Variable(name) => {
                let variable = self.variables.iter().rev().find(|(known, _)| known == name);
                variable.ok_or_else(|| no_variable(name, operand.column))?.1.clone()
            }
        };
        fields(base, operand)
    }
}

/// Follows `.field.field`.
fn fields<'a>(mut value: Val<'a>, operand: &Operand) -> Result<Val<'a>, TemplateError> {
    let mut is_map = false;
    for name in &operand.fields {
        value = match value {
            Cow::Borrowed(object) => find(object, name).map(Cow::Borrowed),
            Cow::Owned(ref object) => find(object, name).cloned().map(Cow::Owned),
        }
        .or_else(|| is_map.then_some(Cow::Owned(Value::Null)))
        .ok_or_else(|| no_field(&value, name, operand.column))?;
        is_map = MAPS.contains(&name.as_str());
    }
    Ok(value)
}

/// The field of a name; where JSON and Go spell it differently (`Id`, `ID`), in any case.
fn find<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    let object = value.as_object()?;
    object.get(name).or_else(|| {
        object
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    })
}

/// What range goes over: keys sorted, as Go does.
fn items<'a>(value: &Val<'a>) -> Option<Vec<(Value, Val<'a>)>> {
    let mut items: Vec<(Value, Val<'a>)> = match value {
        Cow::Borrowed(Value::Array(list)) => list.iter().map(|item| (Value::Null, Cow::Borrowed(item))).collect(),
        Cow::Owned(Value::Array(list)) => list
            .iter()
            .map(|item| (Value::Null, Cow::Owned(item.clone())))
            .collect(),
        Cow::Borrowed(Value::Object(map)) => map
            .iter()
            .map(|(key, item)| (key.as_str().into(), Cow::Borrowed(item)))
            .collect(),
        Cow::Owned(Value::Object(map)) => map
            .iter()
            .map(|(key, item)| (key.as_str().into(), Cow::Owned(item.clone())))
            .collect(),
        other if other.is_null() => Vec::new(),
        _ => return None,
    };
    if value.is_array() {
        items
            .iter_mut()
            .enumerate()
            .for_each(|(index, item)| item.0 = index.into());
    } else {
        items.sort_by(|one, other| one.0.as_str().cmp(&other.0.as_str()));
    }
    Some(items)
}

fn no_variable(name: &str, column: usize) -> TemplateError {
    TemplateError::Syntax {
        column,
        what: format!("no variable ${name}"),
    }
}

fn no_field(value: &Value, name: &str, column: usize) -> TemplateError {
    let known = match value.as_object() {
        Some(object) if !object.is_empty() => {
            let mut names: Vec<_> = object.keys().map(String::as_str).collect();
            names.sort_unstable();
            format!(", there are {}", names.join(", "))
        }
        Some(_) => String::new(),
        None => format!(" in {}", show::value(value)),
    };
    TemplateError::NoField {
        column,
        field: name.to_owned(),
        known,
    }
}
