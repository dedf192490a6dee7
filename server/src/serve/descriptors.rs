//! How many sockets and files the process may open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What is open beside the connections: the database and its readers, logs, files that are read.
const OTHERS: u64 = 128;

/// Raises the soft limit as far as the connections need it, since the usual 1,024 is for programs that wait with `select`.
/// Warns if the hard limit is lower.
pub fn raise(max_connections: usize) {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = max_connections as u64 + OTHERS;
    let Some(current) = current.filter(|current| *current < wanted) else { return };
    let most = maximum.map_or(wanted, |maximum| maximum.min(wanted));
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(most), maximum });
    let allowed = raised.map_or(current, |()| most);
    if allowed < wanted {
        tracing::warn!(
            "the process may open {allowed} files, too few for MAX_CONNECTIONS={max_connections}: raise the limit to {wanted}"
        );
    }
}
