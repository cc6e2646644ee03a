import fc from 'fast-check';
import { expect, test } from 'vitest';
import { html, written } from '../../control/web/html.ts';

test('text is escaped, wherever it stands', () => {
  const text = `<script>"it's" & more</script>`;
  const safe = '&lt;script&gt;&quot;it&#39;s&quot; &amp; more&lt;/script&gt;';
  expect(written(html`<p title="${text}">${text}</p>`)).toBe(`<p title="${safe}">${safe}</p>`);
});

test('only what the template itself made is markup, in lists too', () => {
  const forged = { toString: () => '<b>' } as unknown as string;
  expect(written(html`${[html`<i>${1}</i>`, '<b>', [html`<u></u>`]]}`)).toBe('<i>1</i>&lt;b&gt;<u></u>');
  expect(() => written(html`${forged}`)).toThrow();
});

test('nothing is nothing', () => {
  expect(written(html`<p>${null}${undefined}${false}${0}${''}</p>`)).toBe('<p>0</p>');
});

test('no text can open a tag or leave its attribute', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const inside = written(html`<p title="${text}">${text}</p>`).slice(3, -4);
      expect(inside.match(/[<>]/g)).toEqual(['>']);
      expect(inside.match(/["']/g)).toEqual(['"', '"']);
    }),
  );
});
