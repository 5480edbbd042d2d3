//! What a test hears of the log, at every level.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Once;

use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

type Lines = Rc<RefCell<Vec<u8>>>;

thread_local! {
    static HEARING: RefCell<Option<Lines>> = const { RefCell::new(None) };
}

/// Hears what this thread logs, for as long as it lives. A test on a runtime of one thread hears
/// all of its server but what blocks.
///
/// There is one subscriber for all tests, which listens to some threads only. One of a test's own
/// would miss lines: whether anybody listens to a line is asked once, by whichever test comes
/// first to it, on its own thread.
pub struct Hearing(Lines);

impl Hearing {
    pub fn start() -> Self {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(|| Ear);
            let listening = dynamic_filter_fn(|_, _| HEARING.with_borrow(Option::is_some));
            tracing_subscriber::registry().with(lines).with(listening).init();
        });
        let heard = Lines::default();
        HEARING.set(Some(heard.clone()));
        Self(heard)
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.0.borrow().clone()).unwrap()
    }
}

impl Drop for Hearing {
    fn drop(&mut self) {
        HEARING.set(None);
    }
}

struct Ear;

impl io::Write for Ear {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        HEARING.with_borrow(|lines| lines.as_ref().map(|lines| lines.borrow_mut().extend(bytes)));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
