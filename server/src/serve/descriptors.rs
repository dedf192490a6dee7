//! How many sockets and files the process may open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What is open beside the connections: the database and its readers, logs, files that are read.
const OTHERS: u64 = 128;

/// Raises the soft limit to the hard one, since the usual 1,024 is for programs that wait with `select`. Warns if connections
/// could still be more than it allows.
pub fn raise(max_connections: usize) {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = max_connections as u64 + OTHERS;
    if setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_ok()
        && maximum.is_none_or(|most| most >= wanted)
    {
        return;
    }
    let allowed = getrlimit(Resource::Nofile).current;
    if let Some(allowed) = allowed.or(current).filter(|allowed| *allowed < wanted) {
        tracing::warn!(
            "the process may open {allowed} files, too few for MAX_CONNECTIONS={max_connections}: raise the limit to {wanted}"
        );
    }
}
