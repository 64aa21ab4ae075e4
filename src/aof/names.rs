//! The names of the files of a log, all made from `appendfilename`.

/// How the base of a log holds its dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BaseForm {
    /// A dump (`aof-use-rdb-preamble yes`).
    Dump,
    /// Requests.
    Requests,
}

/// `appendonly.aof.3.base.rdb`
pub fn base(filename: &str, seq: i64, form: BaseForm) -> String {
    let ending = match form {
        BaseForm::Dump => "rdb",
        BaseForm::Requests => "aof",
    };
    format!("{filename}.{seq}.base.{ending}")
}

/// `appendonly.aof.3.incr.aof`
pub fn increment(filename: &str, seq: i64) -> String {
    format!("{filename}.{seq}.incr.aof")
}

/// `appendonly.aof.manifest`
pub fn manifest(filename: &str) -> String {
    format!("{filename}.manifest")
}

/// True for the name of a base or an increment of this log, whatever its number, and of a temporary manifest.
pub fn is_of_log(filename: &str, name: &str) -> bool {
    let temporary = format!("temp-{}-", manifest(filename));
    name.starts_with(&temporary) || is_log_file(filename, name)
}

/// True for the name of a base or an increment of this log, whatever its number.
pub fn is_log_file(filename: &str, name: &str) -> bool {
    let rest = name
        .strip_prefix(filename)
        .and_then(|rest| rest.strip_prefix('.'));
    let Some((number, kind)) = rest.and_then(|rest| rest.split_once('.')) else {
        return false;
    };
    let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    digits && matches!(kind, "base.rdb" | "base.aof" | "incr.aof")
}

/// True if a file begins with a dump: the whole file is one, or requests follow it. Nine bytes of the file suffice.
pub fn begins_with_dump(first: &[u8]) -> bool {
    first.starts_with(b"REDIS") || first.starts_with(b"VALKEY")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_as_real_servers_name_them() {
        let name = "appendonly.aof";
        assert_eq!(base(name, 3, BaseForm::Dump), "appendonly.aof.3.base.rdb");
        assert_eq!(
            base(name, 1, BaseForm::Requests),
            "appendonly.aof.1.base.aof"
        );
        assert_eq!(increment(name, 12), "appendonly.aof.12.incr.aof");
        assert_eq!(manifest(name), "appendonly.aof.manifest");
    }

    #[test]
    fn the_files_of_a_log_are_told_from_others() {
        let of_log = |other| is_of_log("a.aof", other);
        for name in [
            "a.aof.3.base.rdb",
            "a.aof.12.incr.aof",
            "temp-a.aof.manifest-7-1",
        ] {
            assert!(of_log(name), "{name}");
            assert_eq!(is_log_file("a.aof", name), !name.starts_with("temp-"));
        }
        let others = [
            "a.aof.manifest",
            "a.aof",
            "b.aof.3.base.rdb",
            "a.aof.x.base.rdb",
            "a.aof..incr.aof",
            "a.aof.3.incr.aof.cut-at-17",
            "a.aof.3.base.rdb.no-manifest-1",
            "temp-b.aof.manifest-7-1",
            "dump.rdb",
        ];
        for name in others {
            assert!(!of_log(name), "{name}");
        }
    }
}
