//! What a test hears of the log, at every level.

use std::cell::RefCell;
use std::io;
use std::marker::PhantomData;
use std::sync::Once;

use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

thread_local! {
    static HEARD: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// Hears what this thread logs, for as long as it lives. A test on a runtime of one thread hears
/// all of its server but what blocks.
///
/// There is one subscriber for all tests, which listens to some threads only. One of a test's own
/// would miss lines: whether anybody listens to a line is asked once, by whichever test comes
/// first to it, on its own thread.
pub struct Hearing {
    // Of this thread.
    _here: PhantomData<*const ()>,
}

impl Hearing {
    pub fn start() -> Self {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(|| Ear);
            let listening = dynamic_filter_fn(|_, _| HEARD.with_borrow(Option::is_some));
            tracing_subscriber::registry().with(lines).with(listening).init();
        });
        HEARD.set(Some(Vec::new()));
        Self { _here: PhantomData }
    }

    pub fn text(&self) -> String {
        HEARD.with_borrow(|heard| String::from_utf8(heard.clone().unwrap()).unwrap())
    }
}

impl Drop for Hearing {
    fn drop(&mut self) {
        HEARD.set(None);
    }
}

struct Ear;

impl io::Write for Ear {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        HEARD.with_borrow_mut(|heard| heard.as_mut().map(|heard| heard.extend(bytes)));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
