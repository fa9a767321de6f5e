/**
 * The page's style: two palettes by the reader's preference, no fonts or images from elsewhere.
 * @module
 */

/** What is between `<style>` and `</style>`. */
export const PAGE_STYLE: string = `
:root {
  color-scheme: light dark;
  --paper: light-dark(#f6f5f1, #15181a);
  --card: light-dark(#fffefb, #1c2022);
  --ink: light-dark(#22292b, #e4e6e3);
  --quiet: light-dark(#5d686a, #9aa5a6);
  --line: light-dark(#e2e0d8, #2c3234);
  --thread: light-dark(#3a7d74, #6fb9ad);
  --thread-soft: light-dark(#dcebe7, #213633);
  --warn: light-dark(#9a5b13, #e0a55c);
  --bad: light-dark(#a8403a, #e5877f);
  --bad-soft: light-dark(#f6e3e0, #3a2523);
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 2.5rem 1.25rem 2rem; max-width: 66rem;
  background: var(--paper); color: var(--ink);
  font: 1rem/1.5 ui-sans-serif, system-ui, "Segoe UI", Roboto, sans-serif;
}
a { color: var(--thread); text-underline-offset: .2em; }
:focus-visible { outline: 2px solid var(--thread); outline-offset: 3px; border-radius: .25rem; }
.skip { position: absolute; left: -100vw; }
.skip:focus { left: 1.25rem; top: .5rem; }
header { display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; align-items: baseline; justify-content: space-between; }
h1 { margin: 0; font-size: 1.5rem; font-weight: 600; letter-spacing: -.01em; }
h1 #node-name { color: var(--quiet); font-weight: 400; }
.mark {
  display: inline-block; width: 1.05rem; height: 1.05rem; margin-right: .55rem; vertical-align: -.12rem;
  border-radius: .28rem;
  background:
    linear-gradient(90deg, transparent 22%, var(--thread) 22% 36%, transparent 36% 64%, var(--thread) 64% 78%, transparent 78%),
    linear-gradient(0deg, transparent 22%, var(--thread) 22% 36%, transparent 36% 64%, var(--thread) 64% 78%, transparent 78%);
}
#live { margin: 0; color: var(--quiet); }
#live::before {
  content: ""; display: inline-block; width: .55rem; height: .55rem; margin-right: .5rem; border-radius: 50%;
  background: var(--quiet);
}
#live[data-state="running"]::before { background: var(--thread); }
#live[data-state="stopping"]::before { background: var(--warn); }
#live[data-state="lost"] { color: var(--bad); }
#live[data-state="lost"]::before { background: var(--bad); }
h2 { margin: 0; font-size: 1rem; font-weight: 600; }
.quiet { color: var(--quiet); font-size: .9rem; }
.card { margin: 1.25rem 0 0; padding: 1.1rem 1.25rem 1.2rem; background: var(--card); border: 1px solid var(--line); border-radius: .8rem; }
.card-head { display: flex; flex-wrap: wrap; gap: 0 1rem; justify-content: space-between; align-items: baseline; }
.card-head p { margin: 0; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .9rem 1.5rem; margin: 1.6rem 0 0; }
dt { color: var(--quiet); font-size: .85rem; }
dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
#mesh { display: block; width: 100%; height: auto; max-height: 27rem; margin-top: .4rem; }
#mesh .link { fill: none; stroke: var(--line); stroke-width: 1.5; stroke-dasharray: 2 6; stroke-linecap: round; }
#mesh .link.session { stroke: var(--thread); stroke-dasharray: 7 6; opacity: .75; }
#mesh .link.open { stroke: var(--thread); stroke-width: 2; stroke-dasharray: none; }
#mesh .flow { fill: none; stroke: var(--card); stroke-width: 2.2; stroke-linecap: round; stroke-dasharray: 3 27; animation: flow 2.4s linear infinite; }
@keyframes flow { from { stroke-dashoffset: 60; } to { stroke-dashoffset: 0; } }
#mesh circle { fill: var(--card); stroke: var(--line); stroke-width: 2; }
#mesh .healthy circle { fill: var(--thread-soft); stroke: var(--thread); }
#mesh .self circle { fill: var(--thread); stroke: var(--thread); }
#mesh text { fill: var(--ink); font-size: 14px; text-anchor: middle; paint-order: stroke; stroke: var(--card); stroke-width: 5px; stroke-linejoin: round; }
#mesh text.under { fill: var(--quiet); font-size: 12px; font-variant-numeric: tabular-nums; }
#mesh text.rtt { fill: var(--quiet); font-size: 11.5px; }
.legend { margin: .3rem 0 0; display: flex; flex-wrap: wrap; gap: .2rem .5rem; align-items: center; }
.key { width: 1.8rem; border-top: 2px solid var(--thread); }
.key:not(:first-child) { margin-left: .9rem; }
.key-session { border-top-style: dashed; }
.key-none { border-top: 2px dotted var(--quiet); }
.scroll { overflow-x: auto; margin: .5rem -.4rem 0; padding: 0 .4rem; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { color: var(--quiet); font-weight: 500; font-size: .85rem; text-align: left; white-space: nowrap; }
th, td { padding: .5rem 1rem .5rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tbody tr:last-child > * { border-bottom: 0; }
tbody th { color: var(--ink); font-size: 1rem; }
td { white-space: nowrap; }
.number { text-align: right; }
td.number:last-child, th.number:last-child { padding-right: 0; }
.badge { display: inline-block; padding: .05rem .6rem; border-radius: 1rem; font-size: .85rem; background: var(--thread-soft); color: var(--thread); }
.badge.bad { background: var(--bad-soft); color: var(--bad); }
.tag { margin-left: .4rem; color: var(--quiet); font-weight: 400; font-size: .85rem; }
#drops { list-style: none; display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: .2rem 2rem; margin: .6rem 0 0; padding: 0; }
#drops li { display: flex; justify-content: space-between; gap: 1rem; border-bottom: 1px solid var(--line); padding: .2rem 0; font-variant-numeric: tabular-nums; }
#drops-none { margin: .4rem 0 0; }
footer { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; margin-top: 1.5rem; }
footer #version { margin-left: auto; }
body[data-lost] main { opacity: .55; }
@media (prefers-reduced-motion: reduce) { #mesh .flow { animation: none; opacity: 0; } }
`;
