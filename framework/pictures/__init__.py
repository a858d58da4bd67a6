"""Pictures as data, and how they are drawn; nothing here knows of runs."""

from framework.pictures.chart import Chart
