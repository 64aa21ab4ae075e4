# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_forebay_global_optspecs
    string join \n h/help V/version
end

function __fish_forebay_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_forebay_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_forebay_using_subcommand
    set -l cmd (__fish_forebay_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c forebay -n "__fish_forebay_needs_command" -s h -l help -d 'Print help'
complete -c forebay -n "__fish_forebay_needs_command" -s V -l version -d 'Print version'
complete -c forebay -n "__fish_forebay_needs_command" -f -a "rdb" -d 'Inspect, repair, compare and convert RDB files'
complete -c forebay -n "__fish_forebay_needs_command" -f -a "aof" -d 'Inspect and repair append-only files, and restore earlier states'
complete -c forebay -n "__fish_forebay_needs_command" -f -a "sync-log" -d 'Merge the logs of a master and its replica, and show the phases of their full syncs'
complete -c forebay -n "__fish_forebay_needs_command" -f -a "sync-bench" -d 'Measure full syncs between servers that are started for it, and say which way is fastest and why'
complete -c forebay -n "__fish_forebay_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and not __fish_seen_subcommand_from check stat json digest convert salvage diff help" -s h -l help -d 'Print help'
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and not __fish_seen_subcommand_from check stat json digest convert salvage diff help" -f -a "check" -d 'Check structure, values, duplicate keys and checksum'
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and not __fish_seen_subcommand_from check stat json digest convert salvage diff help" -f -a "stat" -d 'Show types, encodings, expiries, sizes, prefixes and the largest keys'
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and not __fish_seen_subcommand_from check stat json digest convert salvage diff help" -f -a "json" -d 'Write keys and values as JSON, one line for each key'
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and not __fish_seen_subcommand_from check stat json digest convert salvage diff help" -f -a "digest" -d 'Print what DEBUG DIGEST returns on a server that has loaded the dump'
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and not __fish_seen_subcommand_from check stat json digest convert salvage diff help" -f -a "convert" -d 'Write a dump that another server can load'
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and not __fish_seen_subcommand_from check stat json digest convert salvage diff help" -f -a "salvage" -d 'Save the sound parts of a damaged dump as a dump that servers can load'
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and not __fish_seen_subcommand_from check stat json digest convert salvage diff help" -f -a "diff" -d 'Compare two dumps, or a dump and a live server, key by key'
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and not __fish_seen_subcommand_from check stat json digest convert salvage diff help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from check" -l format -d 'Output format' -r -f -a "text\t''
json\t''"
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from check" -l databases -d 'How many databases the server would have; keys in other databases are defects' -r
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from check" -l defects-max -d 'How many defects to list' -r
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from check" -l threads -d 'Threads [default: one per processor, at most 8]' -r
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from check" -l no-checksum -d 'Do not count a wrong checksum as a defect'
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from check" -s q -l quiet -d 'Show no progress bar'
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help'
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from stat" -l format -d 'Output format; html is a self-contained page' -r -f -a "text\t''
json\t''
html\t''"
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from stat" -l separator -d 'The byte that separates the parts of a key' -r
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from stat" -l top -d 'How many of the largest keys to list' -r
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from stat" -l threads -d 'Threads [default: one per processor, at most 8]' -r
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from stat" -s q -l quiet -d 'Show no progress bar'
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from stat" -s h -l help -d 'Print help'
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from json" -l db -d 'Read only this database (may be given several times)' -r
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from json" -l key -d 'Read only keys that match this glob-style pattern, as in KEYS (may be given several times)' -r
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from json" -l type -d 'Read only this type, as TYPE names it (may be given several times)' -r -f -a "string\t''
list\t''
set\t''
zset\t''
hash\t''
stream\t''
array\t''
module\t''"
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from json" -l threads -d 'Threads [default: one per processor, at most 8]' -r
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from json" -l no-values -d 'Leave the values out'
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from json" -l meta -d 'Also write auxiliary fields, functions and the like'
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from json" -s q -l quiet -d 'Show no progress bar'
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from json" -s h -l help -d 'Print help'
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from digest" -l like -d 'The server whose DEBUG DIGEST is computed' -r -f -a "redis-7.0\t'Redis up to 7.0: scores with 17 digits'
redis-7.2\t'Redis 7.2 and later: scores as ZSCORE shows them'
valkey\t'Valkey: as Redis 7.2, without expiries of hash fields'"
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from digest" -l threads -d 'Threads [default: one per processor, at most 8]' -r
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from digest" -l keep-expired -d 'Include expired keys, which a server drops when it loads the dump'
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from digest" -s q -l quiet -d 'Show no progress bar'
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from digest" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from convert" -l target -d 'The server that is to read it: auto (the lowest version that can hold the data), redis-6.2, redis-7.0, redis-7.2, redis-7.4, redis-8, redis-8.6, redis-8.8, valkey-8, valkey-9' -r
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from convert" -l on-loss -d 'What to do if the target cannot hold something' -r -f -a "refuse\t'Write nothing if anything would be lost'
report\t'Write what the target can hold, and list the rest'"
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from convert" -l losses-max -d 'How many losses to list' -r
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from convert" -l threads -d 'Threads [default: one per processor, at most 8]' -r
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from convert" -l no-compression -d 'Do not compress strings that compression makes smaller'
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from convert" -l force -d 'Replace OUT if it exists'
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from convert" -s q -l quiet -d 'Show no progress bar'
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from convert" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from salvage" -l frame-max -d 'Treat frames that claim to be larger than this as damaged' -r
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from salvage" -l force -d 'Replace OUT if it exists'
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from salvage" -s q -l quiet -d 'Show no progress bar'
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from salvage" -s h -l help -d 'Print help'
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from diff" -l format -d 'Output format' -r -f -a "text\t''
json\t''"
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from diff" -l parts-max -d 'How many parts of each value to list' -r
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from diff" -l threads -d 'Threads [default: one per processor, at most 8]' -r
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from diff" -l sni -d 'The host name that the server is told (SNI)' -r
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from diff" -l cacert -d 'The certificates of the authorities that are trusted [default, with --cacertdir absent too: SSL_CERT_FILE, SSL_CERT_DIR, or the system\'s]' -r -F
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from diff" -l cacertdir -d 'A directory of such files' -r -F
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from diff" -l cert -d 'The certificate that is shown to the server' -r -F
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from diff" -l key -d 'Its private key' -r -F
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from diff" -l ignore-expiry -d 'Do not compare expiries of keys'
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from diff" -l sync -d 'Read a server\'s data with a full sync: it shows a single moment, but the server has to take a snapshot'
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from diff" -l summary -d 'Print the counts only'
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from diff" -s q -l quiet -d 'Show no progress bar'
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from diff" -l tls -d 'Connect by TLS. As with redis-cli, the server\'s certificate must be signed by an authority that is trusted, but the names in it are not compared'
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from diff" -l insecure -d 'Trust whoever answers'
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from diff" -s h -l help -d 'Print help'
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from help" -f -a "check" -d 'Check structure, values, duplicate keys and checksum'
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from help" -f -a "stat" -d 'Show types, encodings, expiries, sizes, prefixes and the largest keys'
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from help" -f -a "json" -d 'Write keys and values as JSON, one line for each key'
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from help" -f -a "digest" -d 'Print what DEBUG DIGEST returns on a server that has loaded the dump'
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from help" -f -a "convert" -d 'Write a dump that another server can load'
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from help" -f -a "salvage" -d 'Save the sound parts of a damaged dump as a dump that servers can load'
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from help" -f -a "diff" -d 'Compare two dumps, or a dump and a live server, key by key'
complete -c forebay -n "__fish_forebay_using_subcommand rdb; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c forebay -n "__fish_forebay_using_subcommand aof; and not __fish_seen_subcommand_from check stat json fix restore help" -s h -l help -d 'Print help'
complete -c forebay -n "__fish_forebay_using_subcommand aof; and not __fish_seen_subcommand_from check stat json fix restore help" -f -a "check" -d 'Check the manifest, dumps, requests, transactions and seals'
complete -c forebay -n "__fish_forebay_using_subcommand aof; and not __fish_seen_subcommand_from check stat json fix restore help" -f -a "stat" -d 'Show commands, databases, times and seals'
complete -c forebay -n "__fish_forebay_using_subcommand aof; and not __fish_seen_subcommand_from check stat json fix restore help" -f -a "json" -d 'Write keys, requests and annotations as JSON, one line for each'
complete -c forebay -n "__fish_forebay_using_subcommand aof; and not __fish_seen_subcommand_from check stat json fix restore help" -f -a "fix" -d 'Cut off a torn end and save it to another file'
complete -c forebay -n "__fish_forebay_using_subcommand aof; and not __fish_seen_subcommand_from check stat json fix restore help" -f -a "restore" -d 'Copy a log as it was at a moment in the past'
complete -c forebay -n "__fish_forebay_using_subcommand aof; and not __fish_seen_subcommand_from check stat json fix restore help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c forebay -n "__fish_forebay_using_subcommand aof; and __fish_seen_subcommand_from check" -l format -d 'Output format' -r -f -a "text\t''
json\t''"
complete -c forebay -n "__fish_forebay_using_subcommand aof; and __fish_seen_subcommand_from check" -l threads -d 'Threads [default: one per processor, at most 8]' -r
complete -c forebay -n "__fish_forebay_using_subcommand aof; and __fish_seen_subcommand_from check" -s q -l quiet -d 'Show no progress bar'
complete -c forebay -n "__fish_forebay_using_subcommand aof; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help'
complete -c forebay -n "__fish_forebay_using_subcommand aof; and __fish_seen_subcommand_from stat" -l format -d 'Output format' -r -f -a "text\t''
json\t''"
complete -c forebay -n "__fish_forebay_using_subcommand aof; and __fish_seen_subcommand_from stat" -s q -l quiet -d 'Show no progress bar'
complete -c forebay -n "__fish_forebay_using_subcommand aof; and __fish_seen_subcommand_from stat" -s h -l help -d 'Print help'
complete -c forebay -n "__fish_forebay_using_subcommand aof; and __fish_seen_subcommand_from json" -l threads -d 'Threads [default: one per processor, at most 8]' -r
complete -c forebay -n "__fish_forebay_using_subcommand aof; and __fish_seen_subcommand_from json" -l requests-only -d 'Leave out the keys of dumps'
complete -c forebay -n "__fish_forebay_using_subcommand aof; and __fish_seen_subcommand_from json" -s q -l quiet -d 'Show no progress bar'
complete -c forebay -n "__fish_forebay_using_subcommand aof; and __fish_seen_subcommand_from json" -s h -l help -d 'Print help'
complete -c forebay -n "__fish_forebay_using_subcommand aof; and __fish_seen_subcommand_from fix" -l threads -d 'Threads [default: one per processor, at most 8]' -r
complete -c forebay -n "__fish_forebay_using_subcommand aof; and __fish_seen_subcommand_from fix" -s y -l yes -d 'Do not ask for confirmation'
complete -c forebay -n "__fish_forebay_using_subcommand aof; and __fish_seen_subcommand_from fix" -l force -d 'Cut even if sound batches follow, which are then cut off as well'
complete -c forebay -n "__fish_forebay_using_subcommand aof; and __fish_seen_subcommand_from fix" -s q -l quiet -d 'Show no progress bar'
complete -c forebay -n "__fish_forebay_using_subcommand aof; and __fish_seen_subcommand_from fix" -s h -l help -d 'Print help'
complete -c forebay -n "__fish_forebay_using_subcommand aof; and __fish_seen_subcommand_from restore" -l until -d 'The moment: a replication offset, @UNIX-SECONDS, or \'YYYY-MM-DD HH:MM:SS\' in UTC' -r
complete -c forebay -n "__fish_forebay_using_subcommand aof; and __fish_seen_subcommand_from restore" -l threads -d 'Threads [default: one per processor, at most 8]' -r
complete -c forebay -n "__fish_forebay_using_subcommand aof; and __fish_seen_subcommand_from restore" -s q -l quiet -d 'Show no progress bar'
complete -c forebay -n "__fish_forebay_using_subcommand aof; and __fish_seen_subcommand_from restore" -s h -l help -d 'Print help'
complete -c forebay -n "__fish_forebay_using_subcommand aof; and __fish_seen_subcommand_from help" -f -a "check" -d 'Check the manifest, dumps, requests, transactions and seals'
complete -c forebay -n "__fish_forebay_using_subcommand aof; and __fish_seen_subcommand_from help" -f -a "stat" -d 'Show commands, databases, times and seals'
complete -c forebay -n "__fish_forebay_using_subcommand aof; and __fish_seen_subcommand_from help" -f -a "json" -d 'Write keys, requests and annotations as JSON, one line for each'
complete -c forebay -n "__fish_forebay_using_subcommand aof; and __fish_seen_subcommand_from help" -f -a "fix" -d 'Cut off a torn end and save it to another file'
complete -c forebay -n "__fish_forebay_using_subcommand aof; and __fish_seen_subcommand_from help" -f -a "restore" -d 'Copy a log as it was at a moment in the past'
complete -c forebay -n "__fish_forebay_using_subcommand aof; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c forebay -n "__fish_forebay_using_subcommand sync-log" -l replica -d 'The replica as the master\'s log names it, if the logs alone do not identify it' -r
complete -c forebay -n "__fish_forebay_using_subcommand sync-log" -l width -d 'Width of the output in characters [default: that of the terminal, or 160]' -r
complete -c forebay -n "__fish_forebay_using_subcommand sync-log" -l json -d 'Print one JSON document instead of text'
complete -c forebay -n "__fish_forebay_using_subcommand sync-log" -l all -d 'Also show the lines outside of full syncs'
complete -c forebay -n "__fish_forebay_using_subcommand sync-log" -s h -l help -d 'Print help'
complete -c forebay -n "__fish_forebay_using_subcommand sync-bench" -l server -d 'A server to measure as both master and replica (NAME=PATH), or a pair (NAME=MASTER,REPLICA); `forebay` is the server in the directory of this command (may be given several times) [default: forebay]' -r
complete -c forebay -n "__fish_forebay_using_subcommand sync-bench" -l master -d 'The master\'s program [default: the forebay-server in the directory of this command]' -r -F
complete -c forebay -n "__fish_forebay_using_subcommand sync-bench" -l replica -d 'The replica\'s program [default: that of the master]' -r -F
complete -c forebay -n "__fish_forebay_using_subcommand sync-bench" -l attach -d 'Measure two running servers as they are configured. The replica\'s data is replaced by the master\'s; nothing else is written to the servers, and neither is stopped' -r
complete -c forebay -n "__fish_forebay_using_subcommand sync-bench" -l rdb -d 'The dump to fill the master with' -r -F
complete -c forebay -n "__fish_forebay_using_subcommand sync-bench" -l keys -d 'Number of keys to generate, `key:N` with value `value:N` [default: 200000]' -r
complete -c forebay -n "__fish_forebay_using_subcommand sync-bench" -l value-size -d 'Size of each value in bytes, padded with incompressible data' -r
complete -c forebay -n "__fish_forebay_using_subcommand sync-bench" -l mode -d 'Ways to do a full sync: disk-disk, disk-memory, memory-disk, memory-memory, memory-swapdb, rdb-channel (Forebay, Redis 8), dual-channel (Forebay, Valkey 8), or all [default: the first five]' -r
complete -c forebay -n "__fish_forebay_using_subcommand sync-bench" -l delay -d 'repl-diskless-sync-delay, in seconds' -r
complete -c forebay -n "__fish_forebay_using_subcommand sync-bench" -l write-load -d 'Writes per second to the master during the sync' -r
complete -c forebay -n "__fish_forebay_using_subcommand sync-bench" -l link-rate -d 'Limit of the link between the servers in bytes per second; 0 = no limit' -r
complete -c forebay -n "__fish_forebay_using_subcommand sync-bench" -l probe -d 'Reads per second by the client whose latency is measured; 0 = none' -r
complete -c forebay -n "__fish_forebay_using_subcommand sync-bench" -l repeat -d 'How many times each sync is measured' -r
complete -c forebay -n "__fish_forebay_using_subcommand sync-bench" -l timeout -d 'How many seconds one sync, or the start of one server, may take' -r
complete -c forebay -n "__fish_forebay_using_subcommand sync-bench" -l dir -d 'Where the servers put their files, in a directory that is removed at the end [default: the system\'s]' -r -F
complete -c forebay -n "__fish_forebay_using_subcommand sync-bench" -l port -d 'First of the ports for the masters of all servers and then the replica [default: free ports]' -r
complete -c forebay -n "__fish_forebay_using_subcommand sync-bench" -l json -d 'Write all figures as JSON' -r -F
complete -c forebay -n "__fish_forebay_using_subcommand sync-bench" -l csv -d 'Write one line for each sync as CSV' -r -F
complete -c forebay -n "__fish_forebay_using_subcommand sync-bench" -l html -d 'Write an HTML page with charts' -r -F
complete -c forebay -n "__fish_forebay_using_subcommand sync-bench" -l sni -d 'The host name that the server is told (SNI)' -r
complete -c forebay -n "__fish_forebay_using_subcommand sync-bench" -l cacert -d 'The certificates of the authorities that are trusted [default, with --cacertdir absent too: SSL_CERT_FILE, SSL_CERT_DIR, or the system\'s]' -r -F
complete -c forebay -n "__fish_forebay_using_subcommand sync-bench" -l cacertdir -d 'A directory of such files' -r -F
complete -c forebay -n "__fish_forebay_using_subcommand sync-bench" -l cert -d 'The certificate that is shown to the server' -r -F
complete -c forebay -n "__fish_forebay_using_subcommand sync-bench" -l key -d 'Its private key' -r -F
complete -c forebay -n "__fish_forebay_using_subcommand sync-bench" -s q -l quiet -d 'Show no progress'
complete -c forebay -n "__fish_forebay_using_subcommand sync-bench" -l tls -d 'Connect by TLS. As with redis-cli, the server\'s certificate must be signed by an authority that is trusted, but the names in it are not compared'
complete -c forebay -n "__fish_forebay_using_subcommand sync-bench" -l insecure -d 'Trust whoever answers'
complete -c forebay -n "__fish_forebay_using_subcommand sync-bench" -s h -l help -d 'Print help'
complete -c forebay -n "__fish_forebay_using_subcommand help; and not __fish_seen_subcommand_from rdb aof sync-log sync-bench help" -f -a "rdb" -d 'Inspect, repair, compare and convert RDB files'
complete -c forebay -n "__fish_forebay_using_subcommand help; and not __fish_seen_subcommand_from rdb aof sync-log sync-bench help" -f -a "aof" -d 'Inspect and repair append-only files, and restore earlier states'
complete -c forebay -n "__fish_forebay_using_subcommand help; and not __fish_seen_subcommand_from rdb aof sync-log sync-bench help" -f -a "sync-log" -d 'Merge the logs of a master and its replica, and show the phases of their full syncs'
complete -c forebay -n "__fish_forebay_using_subcommand help; and not __fish_seen_subcommand_from rdb aof sync-log sync-bench help" -f -a "sync-bench" -d 'Measure full syncs between servers that are started for it, and say which way is fastest and why'
complete -c forebay -n "__fish_forebay_using_subcommand help; and not __fish_seen_subcommand_from rdb aof sync-log sync-bench help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c forebay -n "__fish_forebay_using_subcommand help; and __fish_seen_subcommand_from rdb" -f -a "check" -d 'Check structure, values, duplicate keys and checksum'
complete -c forebay -n "__fish_forebay_using_subcommand help; and __fish_seen_subcommand_from rdb" -f -a "stat" -d 'Show types, encodings, expiries, sizes, prefixes and the largest keys'
complete -c forebay -n "__fish_forebay_using_subcommand help; and __fish_seen_subcommand_from rdb" -f -a "json" -d 'Write keys and values as JSON, one line for each key'
complete -c forebay -n "__fish_forebay_using_subcommand help; and __fish_seen_subcommand_from rdb" -f -a "digest" -d 'Print what DEBUG DIGEST returns on a server that has loaded the dump'
complete -c forebay -n "__fish_forebay_using_subcommand help; and __fish_seen_subcommand_from rdb" -f -a "convert" -d 'Write a dump that another server can load'
complete -c forebay -n "__fish_forebay_using_subcommand help; and __fish_seen_subcommand_from rdb" -f -a "salvage" -d 'Save the sound parts of a damaged dump as a dump that servers can load'
complete -c forebay -n "__fish_forebay_using_subcommand help; and __fish_seen_subcommand_from rdb" -f -a "diff" -d 'Compare two dumps, or a dump and a live server, key by key'
complete -c forebay -n "__fish_forebay_using_subcommand help; and __fish_seen_subcommand_from aof" -f -a "check" -d 'Check the manifest, dumps, requests, transactions and seals'
complete -c forebay -n "__fish_forebay_using_subcommand help; and __fish_seen_subcommand_from aof" -f -a "stat" -d 'Show commands, databases, times and seals'
complete -c forebay -n "__fish_forebay_using_subcommand help; and __fish_seen_subcommand_from aof" -f -a "json" -d 'Write keys, requests and annotations as JSON, one line for each'
complete -c forebay -n "__fish_forebay_using_subcommand help; and __fish_seen_subcommand_from aof" -f -a "fix" -d 'Cut off a torn end and save it to another file'
complete -c forebay -n "__fish_forebay_using_subcommand help; and __fish_seen_subcommand_from aof" -f -a "restore" -d 'Copy a log as it was at a moment in the past'
