export { ScaledSite, type ScaledOptions } from './scaled/scaled-site.js';
