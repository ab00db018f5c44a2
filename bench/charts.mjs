// Pictures of results as SVG, by ECharts without a browser. Called by the report.
// Bars start at zero and show cost relative to ours (1): shorter is better; the figures stand in the tables.

import * as echarts from 'echarts';
import { format } from './summary.mjs';

const COLOURS = {
  ashredis: '#0b7a75',
  'ashredis, one by one': '#7bbfb5',
  redis: '#d1495b',
  'redis-parser': '#66789a',
  ioredis: '#66789a',
  'ioredis auto': '#8c6bb1',
  iovalkey: '#edae49',
  glide: '#8d5a35',
};
const BOUND = '#c9d1d9';
const WIDTH = 860;

export function relativeChart(title, rows) {
  const bounds = new Set(rows.map((row) => row.bound));
  const names = [...new Set(rows.flatMap((row) => Object.keys(row.figures)))];
  const contenders = names.filter((name) => !bounds.has(name));
  const series = ['ashredis', ...contenders.filter((name) => name !== 'ashredis')];
  if (bounds.size > 0 && [...bounds].some((name) => name !== undefined)) series.push('bound');
  const height = 90 + rows.length * (series.length * 15 + 18);
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height });
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    textStyle: { fontFamily: 'sans-serif' },
    title: { text: `${title} (ashredis = 1, shorter is better)`, left: 12, top: 8, textStyle: { fontSize: 14 } },
    legend: { top: 34, left: 12, itemGap: 26, itemWidth: 12, itemHeight: 10, textStyle: { fontSize: 12 } },
    grid: { left: 260, right: 80, top: 62, bottom: 28 },
    xAxis: { type: 'value', min: 0, splitLine: { lineStyle: { color: '#eeeeee' } } },
    yAxis: {
      type: 'category',
      inverse: true,
      data: rows.map((row) => row.title),
      axisLabel: { width: 225, overflow: 'break', fontSize: 12, color: '#222222' },
      axisTick: { show: false },
    },
    series: series.map((name) => ({
      name,
      type: 'bar',
      barMaxWidth: 14,
      barGap: '8%',
      itemStyle: { color: name === 'bound' ? BOUND : COLOURS[name] },
      label: {
        show: true,
        position: 'right',
        fontSize: 11,
        color: '#444444',
        formatter: ({ data }) => data?.label ?? '',
      },
      data: rows.map((row) => barOf(row, name)),
    })),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return `${svg}\n`;
}

function barOf(row, name) {
  const figure = row.figures[name === 'bound' ? row.bound : name];
  if (figure === undefined) return null;
  return { value: figure.ratio, label: `${format(figure.median)} ${row.unit}` };
}
