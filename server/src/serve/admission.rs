//! How many connections one address may hold, so that nobody can hold all of them.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex};

/// The connections there are, by who holds them. It has as many entries as there are connections at most.
pub struct Admission {
    each: usize,
    held: Mutex<HashMap<IpAddr, usize>>,
}

impl Admission {
    /// Nobody yet; one address may hold `each`.
    pub fn new(each: usize) -> Arc<Self> {
        Arc::new(Self { each, held: Mutex::default() })
    }

    /// A place for a connection from `address`, or none if it holds as many as it may.
    pub fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let holder = holder(address);
        let mut held = self.held.lock().expect("nothing panics while it is held");
        let count = held.entry(holder).or_default();
        if *count == self.each {
            return None;
        }
        *count += 1;
        Some(Place { admission: Arc::clone(self), holder })
    }
}

/// One admitted connection; ends when it is dropped.
pub struct Place {
    admission: Arc<Admission>,
    holder: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.admission.held.lock().expect("nothing panics while it is held");
        if let Some(count) = held.get_mut(&self.holder) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.holder);
            }
        }
    }
}

/// A line at home has a whole /64 of IPv6, so that counts as one address.
fn holder(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_holds_so_many_and_gives_them_back() {
        let admission = Admission::new(2);
        let admit = |address: &str| admission.admit(address.parse().unwrap());
        let (first, second) = (admit("192.0.2.1"), admit("::ffff:192.0.2.1"));
        assert!(first.is_some() && second.is_some());
        assert!(admit("192.0.2.1").is_none());
        let others = ["192.0.2.2", "2001:db8::1", "2001:db8::ffff:ffff:ffff:1", "2001:db8:0:1::1"].map(admit);
        assert!(others.iter().all(Option::is_some));
        assert!(admit("2001:db8::2").is_none());
        drop(first);
        assert!(admit("192.0.2.1").is_some());
        drop((second, others));
        assert!(admission.held.lock().unwrap().is_empty());
    }
}
