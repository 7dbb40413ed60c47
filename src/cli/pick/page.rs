//! The page that shows the picked frames, and how to go on.

use std::fmt::Write as _;
use std::path::Path;

/// The page's name in the folder of its pictures.
pub(super) const NAME: &str = "index.html";

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// A picture of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    /// The name of its file, beside the page.
    pub file: String,
    /// What stands below it.
    pub caption: String,
}

/// The page of the `pictures` that were picked from `recording` into `folder`. It needs nothing but
/// the pictures beside it, and no script to show them.
pub(super) fn html(recording: &str, folder: &Path, pictures: &[Shown]) -> String {
    let title = match pictures.len() {
        1 => format!("1 picture of {}", text(recording)),
        n => format!("{n} pictures of {}", text(recording)),
    };
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.into());
    let folder = text(&absolute.display().to_string());
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <h1>{title}</h1>\n\
         <p>These are the frames that differ most. Sort them by what you want to tell apart:</p>\n<ol>\n\
         <li>Make a folder for each label in <code>{folder}</code>, such as <code>open</code> and \
         <code>closed</code>, and move its pictures there.</li>\n\
         <li>Pictures that show none of these go into <code>none</code>. Remove those of which you are not sure.</li>\n\
         <li>Teach: <code>goldcrest teach {folder} --out my.head</code></li>\n</ol>\n<main>\n"
    );
    for (number, Shown { file, caption }) in (1..).zip(pictures) {
        let (name, address, caption) = (text(file), address(file), text(caption));
        // Writing to a string cannot fail.
        let _ = writeln!(
            page,
            "<figure data-number=\"{number}\" data-file=\"{name}\"><a href=\"{address}\">\
             <img src=\"{address}\" alt=\"{name}\" loading=\"lazy\"></a>\
             <figcaption><b>{number}</b> <span title=\"{name}\">{caption}</span></figcaption></figure>"
        );
    }
    let _ = write!(
        page,
        "</main>\n<datalist id=\"labels\"></datalist>\n\
         <section id=\"sort\" data-folder=\"{folder}\" hidden>\n<h2>Commands that sort them</h2>\n\
         <pre></pre>\n<button type=\"button\">Copy</button>\n</section>\n\
         <script>\n{SCRIPT}</script>\n</body>\n</html>\n"
    );
    page
}

/// `raw` as text of HTML, also between quotes.
fn text(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    for c in raw.chars() {
        match c {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            c => text.push(c),
        }
    }
    text
}

/// The relative address of a file beside the page.
fn address(file: &str) -> String {
    let mut address = String::with_capacity(file.len());
    for byte in file.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            address.push(byte.into());
        } else {
            // Writing to a string cannot fail.
            let _ = write!(address, "%{byte:02X}");
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_breaks_neither_the_page_nor_its_address() {
        let picture = Shown {
            file: "a\"<b>&:ä.jpg".into(),
            caption: "0:00:01.0".into(),
        };
        let page = html("<script>.mp4", Path::new("/x"), &[picture]);
        assert!(page.contains("1 picture of &lt;script&gt;.mp4"), "{page}");
        assert!(
            page.contains("src=\"a%22%3Cb%3E%26%3A%C3%A4.jpg\""),
            "{page}"
        );
        assert!(
            page.contains("data-file=\"a&quot;&lt;b&gt;&amp;:ä.jpg\""),
            "{page}"
        );
        assert_eq!(page.matches("<script").count(), 1);
    }
}
