/** Colours of a page in one scheme, as #rrggbb. */
export interface Scheme {
  paper: string;
  /** Behind code, and the ground of bars. */
  shade: string;
  ink: string;
  inkSoft: string;
  /** Lines that only guide the eye. */
  rule: string;
  /** Marks of single trials. */
  point: string;
  /** Marks of the best, and of what to look at first. */
  accent: string;
  /** What failed. */
  fault: string;
  /** Series, the merged model's first: apart from each other with any kind of colour vision, and from the paper. */
  series: readonly string[];
}

export const LIGHT: Scheme = {
  paper: '#fbfaf8',
  shade: '#f1efea',
  ink: '#22252a',
  inkSoft: '#555b65',
  rule: '#dcd9d2',
  point: '#67707f',
  accent: '#0f4c9c',
  fault: '#b3261e',
  series: ['#0f4c9c', '#d65c14', '#008f72', '#7600eb', '#330026', '#710b00'],
};

export const DARK: Scheme = {
  paper: '#17191d',
  shade: '#22262c',
  ink: '#e6e5e1',
  inkSoft: '#aeb3bb',
  rule: '#3a3f47',
  point: '#98a1af',
  accent: '#6fb1ff',
  fault: '#ff8a80',
  series: ['#6fb1ff', '#f0481a', '#aceb8a', '#6a72ff', '#b56a8b', '#e3eb00'],
};

/** The scheme as custom properties of CSS, under whose names drawings use it. */
export function customProperties({ series, inkSoft, ...colors }: Scheme): string {
  const named = [
    ...Object.entries({ ...colors, 'ink-soft': inkSoft }),
    ...series.map((color, i) => [`series-${i}`, color]),
  ];
  return named.map(([name, color]) => `--${name}: ${color};`).join(' ');
}
