//! What ends with the process, for [`crate::shutdown`].

use super::{AppendOnly, Appenders};
use crate::save::Writers;
use crate::shutdown::Process;
use crate::{Dataset, Which, Whole};
use engine::Engine;
use engine::host::SaveOptions;
use std::rc::Rc;

impl<A: Appenders> Process for AppendOnly<A> {
    fn dataset(&self) -> Rc<Dataset> {
        self.saves.dataset.clone()
    }

    fn is_saving(&self) -> bool {
        self.saves.running()
    }

    fn begins_log(&self) -> bool {
        self.is_on() && !self.is_named()
    }

    fn give_up_save(&self, engine: &mut Engine) {
        self.saves.give_up(engine, Which::Any);
    }

    fn final_save(&self, engine: &mut Engine, whole: &Whole) -> Result<(), String> {
        self.saves
            .save_whole(engine, whole, &SaveOptions::default())
    }

    fn status(&self, text: &str) {
        self.saves.writers().status(text);
    }
}
