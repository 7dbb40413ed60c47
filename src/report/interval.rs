//! How sure a share is.

/// What the interval leaves out on either side.
const TAIL: f64 = 0.025;

/// The 95 % interval of a share of which `right` of `of` trials are known: the exact one of Clopper
/// and Pearson (1934, "The use of confidence or fiducial limits illustrated in the case of the
/// binomial"). Each bound is the share with which so many, or so few, came in 2.5 of 100 cases.
/// Without a trial, everything is possible.
pub(super) fn exact(right: u64, of: u64) -> [f64; 2] {
    let right = right.min(of);
    if of == 0 {
        return [0.0, 1.0];
    }
    let low = match right {
        0 => 0.0,
        // `right` or more is the same as at most `right - 1`, seen from above.
        _ => bisect(|share| 1.0 - at_most(right - 1, of, share) > TAIL),
    };
    let high = if right == of {
        1.0
    } else {
        bisect(|share| at_most(right, of, share) < TAIL)
    };
    [low, high]
}

/// The least share for which `beyond` holds, which does from some share on.
fn bisect(beyond: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    for _ in 0..50 {
        let middle = f64::midpoint(low, high);
        if beyond(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    f64::midpoint(low, high)
}

/// The probability of at most `k` of `n`, each with probability `p` above 0 and below 1.
fn at_most(k: u64, n: u64, p: f64) -> f64 {
    let odds = p.ln() - (-p).ln_1p();
    let mut log = n as f64 * (-p).ln_1p();
    let mut sum = log.exp();
    for i in 0..k {
        log += ((n - i) as f64 / (i + 1) as f64).ln() + odds;
        sum += log.exp();
    }
    sum.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_those_of_published_tables() {
        // R: binom.test(x, n)$conf.int
        for (right, of, low, high) in [
            (57, 60, 0.860_8, 0.989_6),
            (5, 10, 0.187_1, 0.812_9),
            (0, 10, 0.0, 0.308_5),
            (10, 10, 0.691_5, 1.0),
            (1, 1, 0.025, 1.0),
            (9_500, 10_000, 0.945_5, 0.954_2),
        ] {
            let [found_low, found_high] = exact(right, of);
            assert!((found_low - low).abs() < 1e-4, "{right}/{of}: {found_low}");
            assert!(
                (found_high - high).abs() < 1e-4,
                "{right}/{of}: {found_high}"
            );
        }
        assert_eq!(exact(0, 0), [0.0, 1.0]);
    }
}
