// Gives top-level statements back what bundling took, in esbuild's layout. `const`: esbuild writes `var`, which V8 can't take for
// constant (measured: the decoder takes 7 to 9 % more time). And marks on what is made at import (a frozen table, a class with
// `[ASYNC_DISPOSE]()`), so that other bundlers drop what is unused. It must never meet a module with effects: src has none.

const VARIABLE = /^var (\w+) = /;
/** Calls and `new`; what is known to have no effect is marked by esbuild already. */
const CALL = /[\w)\]]\(|\bnew /;
const MARKED = /^\/\* @__PURE__ \*\/ (Symbol\(|Symbol\.for\(|new (Set|Map)\()/;
const FUNCTION = /^(async )?(\(|function\b|\w+ =>)/;
const LITERAL = /^("([^"\\]|\\.)*"|'([^'\\]|\\.)*'|`[^`$]*`|\/.*\/[a-z]*)$/s;
/** A key that has to be computed; those of `Symbol` itself are known to bundlers. */
const COMPUTED_KEY = /^ +(static |async |get |\*)*\[(?!Symbol\.)/m;

/** Resolves with the text of a module, given as esbuild bundled it without minifying. What is assigned to becomes `let`. */
export async function restoreTopLevel(esbuild, text) {
  const { warnings } = await esbuild.transform(restored(text, new Set()), { logLevel: 'silent' });
  const assigned = warnings
    .filter(({ id }) => id === 'assign-to-constant')
    .map(({ text: words }) => /"(\w+)" is a constant/.exec(words)[1]);
  return restored(text, new Set(assigned));
}

function restored(text, assigned) {
  const lines = text.split('\n');
  const parts = [];
  for (let at = 0; at < lines.length; ) {
    const start = VARIABLE.test(lines[at]) ? at : -1;
    // The last line of a statement stands at the margin as its first one does.
    if (start >= 0) while (at < lines.length && !/^\S.*;$/.test(lines[at])) at++;
    at++;
    parts.push(start < 0 ? lines[at - 1] : statement(lines.slice(start, at).join('\n'), assigned));
  }
  return parts.join('\n');
}

function statement(text, assigned) {
  const [head, name] = VARIABLE.exec(text);
  const value = text.slice(head.length, -1);
  const marked = hasEffect(value) ? pure(value.replace(/^class\b(?! \w+ (extends\b|\{))/, `class ${name}`)) : value;
  return `${assigned.has(name) ? 'let' : 'const'} ${name} = ${marked};`;
}

/** As far as a bundler can tell. */
function hasEffect(value) {
  if (/^class\b/.test(value)) return COMPUTED_KEY.test(value);
  return CALL.test(value) && ![FUNCTION, LITERAL, MARKED].some((known) => known.test(value));
}

function pure(value) {
  return `/* @__PURE__ */ (() => ${value.startsWith('{') ? `(${value})` : value})()`;
}
