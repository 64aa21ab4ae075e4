//! Shell completions and manual pages in `contrib/`, generated from the declarations of the command line and of the
//! directives (`FOREBAY_WRITE_DOCS=1 cargo test --test tidy contrib` writes them).

use super::root;
use clap::{Arg, Command, ValueHint};
use clap_complete::{Shell, generate};
use clap_mangen::Man;
use forebay::config::DIRECTIVES;
use std::fs;
use std::path::{Path, PathBuf};

/// The command line of the server, which clap does not parse, so that it is described here, with an option for each
/// directive.
fn server() -> Command {
    let about = "A persistent in-memory server that speaks Redis";
    let file = Arg::new("FILE")
        .help("The configuration file, in the form of redis.conf")
        .value_hint(ValueHint::FilePath);
    let check = Arg::new("check-config")
        .long("check-config")
        .num_args(0)
        .help("Report for each line whether it works, without starting the server; must be the first argument");
    let directives = DIRECTIVES.iter().map(|directive| {
        Arg::new(directive.name)
            .long(directive.name)
            .value_name("VALUE")
            .help(directive.doc)
            .help_heading(directive.section)
    });
    Command::new("forebay-server")
        .version(env!("CARGO_PKG_VERSION"))
        .about(about)
        .long_about(
            "Serves the dataset of a dump or an append-only file to clients of Redis and Valkey. Directives are read from the \
             file, then from standard input if the last argument is a dash, then from the command line. The last value of \
             a directive counts.",
        )
        .arg(file)
        .arg(check)
        .args(directives)
}

/// The pages of `command` and of its subcommands, with the names of their files.
fn pages(command: &Command, name: &str, out: &mut Vec<(PathBuf, Vec<u8>)>) {
    // clap requires names with a static lifetime. The test is short, so leaking them is harmless.
    let leaked: &'static str = name.to_owned().leak();
    let mut page = Vec::new();
    let renamed = command.clone().name(leaked).display_name(leaked);
    let man = Man::new(renamed)
        .date("")
        .source(concat!("Forebay ", env!("CARGO_PKG_VERSION")));
    man.render(&mut page).expect("a vector takes everything");
    out.push((Path::new("contrib/man").join(format!("{name}.1")), page));
    for sub in command
        .get_subcommands()
        .filter(|sub| sub.get_name() != "help")
    {
        pages(sub, &format!("{name}-{}", sub.get_name()), out);
    }
}

fn wanted() -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for mut command in [forebay::cli::command(), server()] {
        let name = command.get_name().to_owned();
        pages(&command, &name, &mut files);
        for (shell, file) in [
            (Shell::Bash, format!("{name}.bash")),
            (Shell::Zsh, format!("_{name}")),
            (Shell::Fish, format!("{name}.fish")),
        ] {
            let mut text = Vec::new();
            generate(shell, &mut command, &name, &mut text);
            files.push((Path::new("contrib/completions").join(file), text));
        }
    }
    files
}

#[test]
fn completions_and_pages_of_the_manual_are_up_to_date() {
    let wanted = wanted();
    let write = std::env::var_os("FOREBAY_WRITE_DOCS").is_some();
    let mut names: Vec<&Path> = Vec::new();
    for (path, text) in &wanted {
        let place = root().join(path);
        if write {
            fs::create_dir_all(place.parent().expect("in a folder")).expect("made");
            fs::write(&place, text).expect("written");
        }
        let fresh = fs::read(&place).is_ok_and(|there| there == *text);
        assert!(
            fresh,
            "{} is stale: FOREBAY_WRITE_DOCS=1 cargo test --test tidy contrib",
            path.display()
        );
        names.push(path);
    }
    for folder in ["contrib/man", "contrib/completions"] {
        for entry in fs::read_dir(root().join(folder)).expect("the folder") {
            let path = entry.expect("an entry").path();
            let path = path
                .strip_prefix(root())
                .expect("below the root")
                .to_owned();
            assert!(
                names.contains(&path.as_path()),
                "{} is not generated",
                path.display()
            );
        }
    }
}

/// A unit with another filter would not be the one that is tested.
#[test]
fn the_sample_unit_has_the_filter_that_the_server_is_tested_under() {
    let unit = super::read(&root().join("contrib/forebay.service"));
    let filters: Vec<&str> = unit
        .lines()
        .filter_map(|line| line.strip_prefix("SystemCallFilter="))
        .collect();
    assert_eq!(filters, ["@system-service", "~@privileged @resources"]);
    assert!(unit.contains("--supervised systemd"));
}
