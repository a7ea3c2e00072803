// Language of a text, ja or en, for screen readers and glyph variants.

const JAPANESE = /[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]/u;

export const isJapanese = (text) => JAPANESE.test(text);
