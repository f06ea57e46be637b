//! A cursor over bytes that someone else wrote: every read may fail, none can panic.

/// What is left to read. A read that asks for more than there is gives `None`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(crate) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u24(&mut self) -> Option<u32> {
        self.array()
            .map(|[high, middle, low]| u32::from_be_bytes([0, high, middle, low]))
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// A vector that its length in one byte precedes.
    pub(crate) fn vector8(&mut self) -> Option<Self> {
        let length = self.u8()?;
        self.take(length.into()).map(Self)
    }

    /// A vector that its length in two bytes precedes.
    pub(crate) fn vector16(&mut self) -> Option<Self> {
        let length = self.u16()?;
        self.take(length.into()).map(Self)
    }

    /// Every item up to the end; `None` if the last one is cut short.
    pub(crate) fn all<T>(mut self, item: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut items = Vec::new();
        while !self.is_empty() {
            items.push(item(&mut self)?);
        }
        Some(items)
    }
}

#[cfg(test)]
mod tests {
    use super::Reader;

    #[test]
    fn a_vector_ends_where_its_length_says() {
        let mut reader = Reader::new(&[2, 7, 8, 9]);
        assert_eq!(
            reader.vector8().map(|vector| vector.rest()),
            Some(&[7, 8][..])
        );
        assert_eq!(reader.rest(), [9]);
        assert!(Reader::new(&[0, 2, 1]).vector16().is_none());
    }

    #[test]
    fn an_item_cut_short_spoils_the_list() {
        assert_eq!(
            Reader::new(&[0, 1, 0, 2]).all(Reader::u16),
            Some(vec![1, 2])
        );
        assert_eq!(Reader::new(&[0, 1, 0]).all(Reader::u16), None);
    }

    #[test]
    fn a_failed_read_takes_nothing() {
        let mut reader = Reader::new(&[1, 2]);
        assert_eq!(reader.u24(), None);
        assert_eq!(reader.u16(), Some(0x0102));
        assert!(reader.is_empty());
    }
}
