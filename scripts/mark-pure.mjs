// Marks what a module makes when it is loaded (a frozen table, a class with `[ASYNC_DISPOSE]()`) as having no effect, so that
// bundlers drop what is not used: in a chunk they look at each statement and not at files. Called by build-code.mjs with
// esbuild's own layout. It must never touch a statement that does something: house rules keep those out of src.

const VARIABLE = /^var (\w+) = /;
/** Calls and `new`; what is known to have no effect is marked by esbuild already. */
const CALL = /[\w)\]]\(|\bnew /;
const MARKED = /^\/\* @__PURE__ \*\/ (Symbol\(|Symbol\.for\(|new (Set|Map)\()/;
const FUNCTION = /^(async )?(\(|function\b|\w+ =>)/;
const LITERAL = /^("([^"\\]|\\.)*"|'([^'\\]|\\.)*'|`[^`$]*`|\/.*\/[a-z]*)$/s;
/** A key that has to be computed; those of `Symbol` itself are known to bundlers. */
const COMPUTED_KEY = /^ +(static |async |get |\*)*\[(?!Symbol\.)/m;

export function markPure(text) {
  const lines = text.split('\n');
  const marked = [];
  for (let at = 0; at < lines.length; ) {
    const start = VARIABLE.test(lines[at]) ? at : -1;
    // The last line of a statement stands at the margin as its first one does.
    if (start >= 0) while (!/^\S.*;$/.test(lines[at])) at++;
    at++;
    marked.push(start < 0 ? lines[at - 1] : statement(lines.slice(start, at).join('\n')));
  }
  return marked.join('\n');
}

function statement(text) {
  const [head, name] = VARIABLE.exec(text);
  const value = text.slice(head.length, -1);
  if (/^class\b/.test(value)) {
    return COMPUTED_KEY.test(value)
      ? pure(head, value.replace(/^class\b(?! \w+ (extends\b|\{))/, `class ${name}`))
      : text;
  }
  const isPure = [FUNCTION, LITERAL, MARKED].some((known) => known.test(value)) || !CALL.test(value);
  return isPure ? text : pure(head, value);
}

function pure(head, value) {
  return `${head}/* @__PURE__ */ (() => ${value.startsWith('{') ? `(${value})` : value})();`;
}
