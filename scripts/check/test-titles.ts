import { readFileSync } from 'node:fs';
import ts from 'typescript';

const runners = new Set(['it', 'test', 'scenario']);
const neverRun = new Set(['skip', 'todo']);

/**
 * The titles of the tests of one file, as written: a template keeps its `${...}`, a table its `%s` and `$name`. Rows of
 * a table with `what` and `says`, and functions under a sentence in the kit's lists, are titles too.
 */
export function testTitles(file: string): ReadonlySet<string> {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  const titles = new Set<string>();

  function visit(node: ts.Node): void {
    if (ts.isCallExpression(node) && runs(node)) add(node.arguments.slice(0, 2).find(isText));
    if (ts.isPropertyAssignment(node)) {
      if (named(node, 'what') && node.parent.properties.some((other) => named(other, 'says'))) add(node.initializer);
      if (file.includes('conformance/') && ts.isStringLiteral(node.name) && ts.isFunctionLike(node.initializer))
        add(node.name);
    }
    ts.forEachChild(node, visit);
  }

  function add(title: ts.Node | undefined): void {
    if (title === undefined) return;
    if (ts.isStringLiteralLike(title)) titles.add(title.text);
    if (ts.isTemplateExpression(title)) titles.add(title.getText(source).slice(1, -1));
  }

  visit(source);
  return titles;
}

/** A test has a title and a body, and runs; `chapter.test(title, body)` is one, a regular expression's `.test(text)` is not. */
function runs(node: ts.CallExpression): boolean {
  if (node.arguments.length < 2) return false;
  const { expression } = node;
  if (ts.isPropertyAccessExpression(expression) && neverRun.has(expression.name.text)) return false;
  return (
    runners.has(firstName(expression)) ||
    (ts.isPropertyAccessExpression(expression) && runners.has(expression.name.text))
  );
}

/** `it` of `it(...)`, `it.skipIf(...)(...)` and `it.each(table)(...)`. */
function firstName(node: ts.Expression): string {
  if (ts.isIdentifier(node)) return node.text;
  if (ts.isPropertyAccessExpression(node) || ts.isCallExpression(node)) return firstName(node.expression);
  return ts.isTaggedTemplateExpression(node) ? firstName(node.tag) : '';
}

const named = (property: ts.ObjectLiteralElementLike, name: string): boolean =>
  property.name !== undefined && ts.isIdentifier(property.name) && property.name.text === name;

const isText = (node: ts.Expression): boolean => ts.isStringLiteralLike(node) || ts.isTemplateExpression(node);
