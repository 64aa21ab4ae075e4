//! What the tools' HTML pages share: no scripts, nothing from outside, light or dark as the reader prefers.

use std::io::{self, Write};

/// Text for a place between tags or in an attribute.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Not allowed in HTML, whatever the escape.
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// Begins a page: up to its heading. `style` follows the common one.
///
/// # Errors
/// Those of `out`.
pub fn open(out: &mut dyn Write, title: &str, subtitle: &str, style: &str) -> io::Result<()> {
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{0}</title><style>{STYLE}{style}</style></head><body><main>\
         <header><h1>{0}</h1><p>{1}</p></header>",
        escaped(title),
        escaped(subtitle),
    )
}

/// Figures with their names, in a row of boxes.
///
/// # Errors
/// Those of `out`.
pub fn cards(out: &mut dyn Write, cards: &[(String, String)]) -> io::Result<()> {
    write!(out, "<section class=\"cards\">")?;
    for (value, name) in cards {
        write!(
            out,
            "<div class=\"card\"><b>{}</b><span>{}</span></div>",
            escaped(value),
            escaped(name)
        )?;
    }
    write!(out, "</section>")
}

/// Ends a page that was made at `now_s`.
///
/// # Errors
/// Those of `out`.
pub fn close(out: &mut dyn Write, now_s: i64) -> io::Result<()> {
    writeln!(
        out,
        "<footer>forebay {}, {}</footer></main></body></html>",
        base::VERSION,
        super::text::time(now_s)
    )
}

/// The common style; colours `c0` to `c7`.
const STYLE: &str = "\
:root{--bg:#f4f6f9;--panel:#fff;--ink:#1b2430;--soft:#667085;--line:#e4e8ee;--track:#eef1f5;\
--c0:#2f6fde;--c1:#12a594;--c2:#e5883a;--c3:#8e5bd6;--c4:#d64f7d;--c5:#3aa0d8;--c6:#7ba23f;--c7:#8894a6}\
@media(prefers-color-scheme:dark){:root{--bg:#10151c;--panel:#182029;--ink:#e6ebf2;--soft:#93a0b2;--line:#28323f;\
--track:#222c38;--c0:#5b93f5;--c1:#2cc4b1;--c2:#f2a25c;--c3:#ab82ea;--c4:#ea7199;--c5:#5dbcec;--c6:#9bc25c;--c7:#76849a}}\
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--ink);\
font:15px/1.45 system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif}\
main{max-width:1240px;margin:0 auto;padding:28px 20px 40px}header{margin-bottom:18px}\
h1{font-size:26px;margin:0;letter-spacing:-.01em;overflow-wrap:anywhere}header p{margin:4px 0 0;color:var(--soft)}\
h2{font-size:15px;margin:0 0 10px}.panel p{margin:-6px 0 12px;color:var(--soft);font-size:13px}\
.warn{background:#fdecec;color:#8a1f1f;border:1px solid #f3c1c1;border-radius:8px;padding:10px 14px}\
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:14px;margin-bottom:16px}\
.card{background:var(--panel);border:1px solid var(--line);border-radius:10px;padding:14px 16px}\
.card b{display:block;font-size:24px;font-weight:650;letter-spacing:-.02em}.card span{color:var(--soft);font-size:13px}\
.panel{background:var(--panel);border:1px solid var(--line);border-radius:10px;padding:16px 18px}\
.grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,480px),1fr));gap:16px;margin:16px 0;align-items:start}\
.wide{margin-top:16px}svg{display:block;width:100%;height:auto}svg text{font:12px system-ui,-apple-system,'Segoe UI',Roboto,sans-serif}\
.label{fill:var(--ink)}.note{fill:var(--soft)}.track{fill:var(--track)}\
.c0{fill:var(--c0)}.c1{fill:var(--c1)}.c2{fill:var(--c2)}.c3{fill:var(--c3)}.c4{fill:var(--c4)}.c5{fill:var(--c5)}\
.c6{fill:var(--c6)}.c7{fill:var(--c7)}.frame{fill-opacity:.3}.inner{fill-opacity:.85}\
.map .name{fill:#fff;font-weight:600}.map .size{fill:#fff;fill-opacity:.85}\
.frame~.name,.frame~.size{fill:var(--ink)}.map g:hover rect{filter:brightness(1.12)}\
table{width:100%;border-collapse:collapse;font-size:14px}th{text-align:left;color:var(--soft);font-weight:500;font-size:13px}\
th,td{padding:5px 10px 5px 0;border-bottom:1px solid var(--line);vertical-align:middle}tr:last-child td,tr:last-child th{border-bottom:0}\
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}\
.key{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:13px;overflow-wrap:anywhere}\
.meter{width:22%}.meter i{display:block;height:9px;border-radius:5px;background:var(--c0)}.facts th{width:130px}\
code{font-family:ui-monospace,Menlo,Consolas,monospace}footer{margin-top:22px;color:var(--soft);font-size:13px}";
