#include "analyzer/statistics/autoregression.h"

#include "analyzer/statistics/autoregression_kernels.h"

namespace forensics::analyzer {

Autoregression FitAutoregression(absl::Span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value;
  std::vector<double> deviations(values.begin(), values.end());
  FitOf<double> fit;
  FitDeviations(sum, deviations.data(), deviations.size(), fit);
  return {fit.mean, fit.first, fit.second, fit.standard_error};
}

std::vector<double> Innovations(absl::Span<const double> values, const Autoregression& fit) {
  const SeriesStart start(fit);
  std::vector<double> innovations(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const double deviation = values[i] - fit.mean;
    if (i == 0) {
      innovations[i] = deviation / start.scale;
    } else if (i == 1) {
      innovations[i] =
          (deviation - start.correlation * (values[0] - fit.mean)) / start.second_scale;
    } else {
      innovations[i] = deviation - fit.first * (values[i - 1] - fit.mean) -
                       fit.second * (values[i - 2] - fit.mean);
    }
  }
  return innovations;
}

void MakeSeries(const Autoregression& fit, std::vector<double>& innovations) {
  double sum;
  InnovationsToSeries(fit, SeriesStart(fit), innovations.data(), innovations.size(), sum);
}

double LongRunVariance(const Autoregression& fit, size_t n) {
  return fit.standard_error * fit.standard_error * static_cast<double>(n);
}

}  // namespace forensics::analyzer
