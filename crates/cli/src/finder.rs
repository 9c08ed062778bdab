//! What finds personal data on the command line: the recognisers, and a token classifier beside them.

use std::path::PathBuf;

use anyhow::{Context, Result};
use sotto_engine::Classifier;
use sotto_pii::eval::LabelMap;
use sotto_pii::{Action, Entity, Label, Policy, Recognisers, Redactor};

use crate::bundled;
use crate::model_file::{Backend, ModelFiles};

/// What to find with.
#[derive(clap::Args)]
pub struct FinderArgs {
    /// A classifier of tokens to use with the recognisers [default: the bundled one]
    #[arg(long)]
    model: Option<PathBuf>,
    /// Use the recognisers alone
    #[arg(long, conflicts_with = "model")]
    no_model: bool,
    /// Which label a class of the model stands for, as CLASS=LABEL; CLASS= leaves it out. Usual names need none
    #[arg(long, value_name = "CLASS=LABEL", conflicts_with = "no_model")]
    label: Vec<String>,
    /// Where to run the model
    #[arg(long, value_enum, default_value_t = Backend::Auto)]
    backend: Backend,
}

/// Recognisers, and the model unless they are to work alone.
pub struct Finder {
    /// The recognisers and the policy.
    pub redactor: Redactor,
    model: Option<Classifier>,
    labels: LabelMap,
}

impl Finder {
    /// Loads what the arguments name.
    pub fn new(args: &FinderArgs) -> Result<Self> {
        let redactor = Redactor::new(Policy::all(Action::Placeholder), Recognisers::all())?;
        let labels = label_map("--label", &args.label)?;
        let model = match &args.model {
            _ if args.no_model => None,
            Some(path) => Some(ModelFiles::open(path)?.load_classifier(args.backend)?),
            None => Some(bundled::pii_mini(args.backend)?),
        };
        Ok(Finder { redactor, model, labels })
    }

    /// The entities of a text.
    pub fn find(&mut self, text: &str) -> Result<Vec<Entity>> {
        match &mut self.model {
            None => Ok(self.redactor.with_again(text, self.redactor.analyze(text))),
            Some(model) => Ok(pollster::block_on(self.redactor.analyze_by_model(text, model, &self.labels))?),
        }
    }

    /// How long a text is: in tokens of the model, or in words without one.
    pub fn tokens(&mut self, text: &str) -> Result<usize> {
        Ok(match &mut self.model {
            None => text.split_whitespace().count(),
            Some(model) => model.engine().tokenizer().encode(text, false, false)?.len(),
        })
    }

    /// The model's name.
    pub fn model_name(&self) -> Option<&str> {
        self.model.as_ref().map(sotto_pii::TokenClassifier::name)
    }
}

/// Reads NAME=LABEL settings of the option `option`.
pub fn label_map(option: &str, settings: &[String]) -> Result<LabelMap> {
    settings.iter().try_fold(LabelMap::new(), |map, setting| {
        let (class, label) =
            setting.split_once('=').with_context(|| format!("{option} {setting} is not NAME=LABEL"))?;
        let label = match label {
            "" => None,
            name => Some(name.parse::<Label>().with_context(|| format!("{option} {setting}"))?),
        };
        Ok(map.with(class, label))
    })
}
