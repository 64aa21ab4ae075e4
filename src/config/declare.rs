//! The macro that turns the table of directives into the typed configuration and the facts about each directive.

macro_rules! directives {
    ($(section $section:literal: $($(#[doc = $doc:literal])+ $effect:ident $flags:ident $(-> $change:ident)? $name:literal $([$alias:literal])? $field:ident: $type:ty = $default:expr, $kind:expr;)+)+) => {
        /// All directives, typed. Times are in the unit of their directive, sizes in bytes.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Config { $($(#[doc = concat!("`", $name, "`\n\n")] $(#[doc = $doc])+ pub $field: $type,)+)+ }

        impl Default for Config {
            fn default() -> Self { Config { $($($field: $default,)+)+ } }
        }

        /// The table.
        pub static DIRECTIVES: &[Directive] = &[$($(Directive {
            section: $section,
            name: $name,
            alias: directives!(@alias $($alias)?),
            doc: concat!($($doc),+).trim_ascii_start(),
            flags: $flags,
            effect: Effect::$effect,
            change: directives!(@change $($change)?),
            set: |config, words, add| $kind.update(&mut config.$field, words, add),
            get: |config| Kind::<$type>::show(&$kind, &config.$field),
            lines: |config| Kind::<$type>::lines(&$kind, &config.$field),
            copy: |to, from| to.$field = from.$field.clone(),
            hold: |config| {
                let was = config.$field.clone();
                Box::new(move |config| config.$field = was)
            },
            many: || Kind::<$type>::many(&$kind),
            describe: || Kind::<$type>::describe(&$kind),
        },)+)+];
    };
    (@change) => { Change::Read };
    (@change $change:ident) => { Change::$change };
    (@alias) => { None };
    (@alias $alias:literal) => { Some($alias) };
}

pub(super) use directives;
