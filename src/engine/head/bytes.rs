//! Numbers and texts in the bytes of a head file, little-endian.

/// The bytes ended before what they promised, or a text is no UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Short;

/// Takes one thing after the other from the front. What a length claims is compared with the bytes
/// that are there before anything is allocated.
#[derive(Debug)]
pub(super) struct Reader<'b>(pub &'b [u8]);

impl<'b> Reader<'b> {
    pub fn take(&mut self, count: usize) -> Result<&'b [u8], Short> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Short)?;
        self.0 = rest;
        Ok(taken)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Short> {
        self.take(N)?.try_into().map_err(|_| Short)
    }

    pub fn byte(&mut self) -> Result<u8, Short> {
        self.array().map(u8::from_le_bytes)
    }

    pub fn word(&mut self) -> Result<u32, Short> {
        self.array().map(u32::from_le_bytes)
    }

    pub fn long(&mut self) -> Result<u64, Short> {
        self.array().map(u64::from_le_bytes)
    }

    pub fn float(&mut self) -> Result<f32, Short> {
        self.array().map(f32::from_le_bytes)
    }

    pub fn floats(&mut self, count: usize) -> Result<Vec<f32>, Short> {
        let bytes = self.take(count.checked_mul(4).ok_or(Short)?)?;
        let all = bytes.as_chunks::<4>().0;
        Ok(all.iter().map(|b| f32::from_le_bytes(*b)).collect())
    }

    /// A length as a word, and so many bytes.
    pub fn block(&mut self) -> Result<&'b [u8], Short> {
        let length = usize::try_from(self.word()?).map_err(|_| Short)?;
        self.take(length)
    }

    pub fn text(&mut self) -> Result<String, Short> {
        let bytes = self.block()?;
        std::str::from_utf8(bytes)
            .map(str::to_string)
            .map_err(|_| Short)
    }

    /// A byte that is 0 or 1, and in the second case what `take` takes.
    pub fn maybe<T>(
        &mut self,
        take: impl FnOnce(&mut Self) -> Result<T, Short>,
    ) -> Result<Option<T>, Short> {
        match self.byte()? {
            0 => Ok(None),
            1 => take(self).map(Some),
            _ => Err(Short),
        }
    }
}

/// Puts one thing after the other.
#[derive(Debug, Default)]
pub(super) struct Writer(pub Vec<u8>);

impl Writer {
    pub fn put(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub fn byte(&mut self, value: u8) {
        self.0.push(value);
    }

    pub fn word(&mut self, value: u32) {
        self.put(&value.to_le_bytes());
    }

    pub fn long(&mut self, value: u64) {
        self.put(&value.to_le_bytes());
    }

    pub fn float(&mut self, value: f32) {
        self.put(&value.to_le_bytes());
    }

    pub fn floats(&mut self, values: &[f32]) {
        values.iter().for_each(|v| self.float(*v));
    }

    /// A count. What is counted here is bounded by [`Taught::check`](super::Taught::check); more
    /// than a word holds could not be read again, and the reader refuses it.
    pub fn count(&mut self, value: usize) {
        self.word(u32::try_from(value).unwrap_or(u32::MAX));
    }

    pub fn block(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.put(bytes);
    }

    pub fn text(&mut self, text: &str) {
        self.block(text.as_bytes());
    }

    pub fn maybe<T>(&mut self, value: Option<T>, put: impl FnOnce(&mut Self, T)) {
        self.byte(u8::from(value.is_some()));
        if let Some(value) = value {
            put(self, value);
        }
    }
}
