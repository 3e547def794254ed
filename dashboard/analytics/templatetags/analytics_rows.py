from django import template

from dashboard.analytics.reports.charts import markup

register = template.Library()
register.simple_tag(markup.chart_rows)
register.simple_tag(markup.options)
register.simple_tag(markup.hidden)
