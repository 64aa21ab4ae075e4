//! Users as text, as in ACL LIST, ACL GETUSER, ACL files and `user` lines. Reading the text back gives the same user.

use super::pattern::{KeyPattern, Rights};
use super::selector::Selector;
use super::user::User;

impl User {
    /// Its line in a file, without the end: `user <name> <rules>`.
    pub fn line(&self) -> Vec<u8> {
        let mut line = [b"user ".as_slice(), &self.name].concat();
        line.push(b' ');
        line.extend(self.rules());
        line
    }

    /// Its rules.
    pub fn rules(&self) -> Vec<u8> {
        let mut words: Vec<Vec<u8>> = self.flags().iter().map(|f| f.as_bytes().to_vec()).collect();
        let passwords = self.passwords.iter();
        words.extend(passwords.map(|digest| format!("#{digest}").into_bytes()));
        words.push(self.root.describe());
        for selector in &self.selectors {
            words.push([b"(".as_slice(), &selector.describe(), b")"].concat());
        }
        words.join(&b' ')
    }

    /// The flags of ACL GETUSER.
    pub fn flags(&self) -> Vec<&'static str> {
        let mut flags = vec![if self.enabled { "on" } else { "off" }];
        if self.nopass {
            flags.push("nopass");
        }
        flags.push(match self.sanitize {
            true => "sanitize-payload",
            false => "skip-sanitize-payload",
        });
        flags
    }
}

impl Selector {
    fn describe(&self) -> Vec<u8> {
        let mut words = Vec::new();
        let keys = self.describe_keys();
        if !keys.is_empty() {
            words.push(keys);
        }
        if !self.all_channels {
            words.push(b"resetchannels".to_vec());
        }
        let channels = self.describe_channels();
        if !channels.is_empty() {
            words.push(channels);
        }
        if self.databases.is_some() {
            words.push(self.describe_databases());
        }
        words.push(self.describe_commands());
        words.join(&b' ')
    }

    /// The rule about databases.
    pub fn describe_databases(&self) -> Vec<u8> {
        match self.databases.as_deref() {
            None => b"alldbs".to_vec(),
            Some([]) => b"resetdbs".to_vec(),
            Some(databases) => {
                let numbers: Vec<String> = databases.iter().map(usize::to_string).collect();
                format!("db={}", numbers.join(",")).into_bytes()
            }
        }
    }

    /// The rules about commands.
    pub fn describe_commands(&self) -> Vec<u8> {
        let mut text = match self.future_commands {
            true => b"+@all".to_vec(),
            false => b"-@all".to_vec(),
        };
        for (allow, rule) in &self.rules {
            text.push(b' ');
            text.push(if *allow { b'+' } else { b'-' });
            text.extend_from_slice(rule);
        }
        text
    }

    /// The rules about keys; empty without any.
    pub fn describe_keys(&self) -> Vec<u8> {
        if self.all_keys {
            return b"~*".to_vec();
        }
        let word = |p: &KeyPattern| {
            let sign = match p.rights {
                Rights::READ => b"%R~".as_slice(),
                Rights::WRITE => b"%W~",
                _ => b"~",
            };
            [sign, p.pattern()].concat()
        };
        self.keys.iter().map(word).collect::<Vec<_>>().join(&b' ')
    }

    /// The channels; empty without any.
    pub fn describe_channels(&self) -> Vec<u8> {
        if self.all_channels {
            return b"&*".to_vec();
        }
        let words = self.channels.iter().map(|c| [b"&", &c[..]].concat());
        words.collect::<Vec<_>>().join(&b' ')
    }
}
