//! Rows in pages, each row at a place of its own: nothing is moved when there come to be more.

/// The rows of one page.
const PAGE: usize = 1024;

/// Where a row is, as long as it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(u32);

/// Rows, up to four thousand million of them.
pub(super) struct Slab<T> {
    pages: Vec<Vec<Option<T>>>,
    free: Vec<Place>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { pages: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slab<T> {
    fn cell(place: Place) -> (usize, usize) {
        let number = place.0 as usize;
        (number / PAGE, number % PAGE)
    }

    /// Puts a row into a place that is free.
    pub(super) fn insert(&mut self, row: T) -> Place {
        if let Some(place) = self.free.pop() {
            let (page, at) = Self::cell(place);
            self.pages[page][at] = Some(row);
            return place;
        }
        if self.pages.last().is_none_or(|page| page.len() == PAGE) {
            self.pages.push(Vec::with_capacity(PAGE));
        }
        let page = self.pages.len() - 1;
        self.pages[page].push(Some(row));
        let number = page * PAGE + self.pages[page].len() - 1;
        Place(u32::try_from(number).unwrap_or(u32::MAX))
    }

    pub(super) fn get(&self, place: Place) -> Option<&T> {
        let (page, at) = Self::cell(place);
        self.pages.get(page)?.get(at)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, place: Place) -> Option<&mut T> {
        let (page, at) = Self::cell(place);
        self.pages.get_mut(page)?.get_mut(at)?.as_mut()
    }

    pub(super) fn remove(&mut self, place: Place) -> Option<T> {
        let (page, at) = Self::cell(place);
        let row = self.pages.get_mut(page)?.get_mut(at)?.take();
        if row.is_some() {
            self.free.push(place);
        }
        row
    }
}
