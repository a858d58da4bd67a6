"""What training keeps: symmetries, and small gradients in float32."""
