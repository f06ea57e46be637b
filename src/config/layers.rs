//! Who said what, so that each can change its mind alone.

use super::{Config, Settings};
use crate::error::Result;

/// The layers of one configuration, the weakest first: defaults, file, environment, code.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layers {
    pub(crate) file: Settings,
    pub(crate) environment: Settings,
    pub(crate) code: Settings,
}

impl Layers {
    /// # Errors
    ///
    /// As [`Config::try_from`].
    pub(crate) fn config(&self) -> Result<Config> {
        let Self {
            file,
            environment,
            code,
        } = self.clone();
        Config::try_from(file.overlaid_by(environment).overlaid_by(code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_weakest_and_code_is_strongest() {
        let idle = |most| Settings {
            max_idle: Some(most),
            ..Settings::default()
        };
        let mut layers = Layers::default();
        let most = |layers: &Layers| layers.config().unwrap().max_idle();
        assert_eq!(most(&layers), 20);
        layers.file = Settings {
            max_dials: Some(7),
            ..idle(1)
        };
        assert_eq!(most(&layers), 1);
        layers.environment = idle(2);
        assert_eq!(most(&layers), 2);
        layers.code = idle(3);
        assert_eq!(most(&layers), 3);
        layers.code = Settings::default();
        layers.environment = Settings::default();
        assert_eq!(most(&layers), 1);
        assert_eq!(layers.config().unwrap().max_dials(), 7);
    }
}
