/** What can be wrong with one page, found in its text alone. */

/** A heading that a page must have: one of these beginnings. */
export type HeadingRule = readonly string[];

/** Relative links, without fragment, that lead nowhere; links into the page itself must name one of its headings. */
export function brokenLinks(page: string, exists: (path: string) => boolean): readonly string[] {
  const prose = withoutCode(page);
  const anchors = new Set(headings(page).map(anchorOf));
  const links = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link]) => link ?? []);
  return links.filter((link) => {
    if (/^[a-z][a-z+.-]*:/.test(link)) return false;
    const [path = '', fragment] = link.split('#');
    return path === '' ? !anchors.has(fragment ?? '') : !exists(path);
  });
}

export function missingHeadings(page: string, rules: readonly HeadingRule[]): readonly string[] {
  const there = headings(page);
  return rules
    .filter((beginnings) => !there.some((heading) => beginnings.some((beginning) => heading.startsWith(beginning))))
    .map((beginnings) => beginnings.join('" or "'));
}

export function missingCommands(page: string, names: readonly string[]): readonly string[] {
  const there = new Set(headings(page));
  return names.filter((name) => !there.has(`keybaton ${name}`));
}

/** Fenced YAML with this key at its top. */
export function yamlExamples(page: string, key: string): readonly string[] {
  return [...page.matchAll(/^```yaml\n([\s\S]*?)^```/gm)]
    .flatMap(([, example]) => example ?? [])
    .filter((example) => new RegExp(`^${key}:`, 'm').test(example));
}

/** Places of one machine, and hosts of package registries, mirrors and proxies: a page is for strangers. */
const forbidden = [
  /\/(?:work|home|Users|root)\/[\w.-]+/g,
  /\/tmp\/[\w.-]+/g,
  /\bregistry\.(?:npmjs|yarnpkg)\.[a-z]+/g,
  /\b(?:pypi\.org|files\.pythonhosted\.org|artifactory|nexus)\b/gi,
  /\bTODO\b|\bFIXME\b|\blorem\b/gi,
];

export function forbiddenWords(page: string): readonly string[] {
  return forbidden.flatMap((pattern) => [...page.matchAll(pattern)].map(([word]) => word));
}

function headings(page: string): readonly string[] {
  return [...withoutCode(page).matchAll(/^#{1,6} (.+)$/gm)].flatMap(([, heading]) => heading?.trim() ?? []);
}

/** As GitHub makes them. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');
}

function withoutCode(page: string): string {
  return page
    .replaceAll(/^```[\s\S]*?^```/gm, '')
    .replaceAll(/`[^`\n]*`/g, (code) => (code.includes('](') ? '' : code));
}
